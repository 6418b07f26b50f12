package stampede

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// chaosConsumers take turns in the runs of TestChaos. No fault may break a claim of theirs.
var chaosConsumers = []string{"keyed", "serial", "keyed@848", "unordered", "keyed@static", "partition"}

// make chaos sets STAMPEDE_CHAOS to minutes, a seed and a back end. Each run of two minutes
// is a scenario of its own, so that one of them can be made again.
var _ = func() bool {
	minutes, seed, backend, err := chaosSettings()
	if err != nil || minutes == 0 {
		return false // TestChaos reports the error
	}
	for n := range max(1, minutes/2) {
		harness.RegisterScenario(chaosScenario(n, seed+uint64(n), backend))
	}
	return true
}()

// chaosSettings reads STAMPEDE_CHAOS, as 30/1/docker.
func chaosSettings() (minutes int, seed uint64, backend string, err error) {
	text := os.Getenv("STAMPEDE_CHAOS")
	if text == "" {
		return 0, 0, "", nil
	}
	fields := strings.Split(text, "/")
	if len(fields) != 3 {
		return 0, 0, "", fmt.Errorf("STAMPEDE_CHAOS=%q: want minutes, a seed and a back end, as 30/1/docker", text)
	}
	minutes, err = strconv.Atoi(fields[0])
	if err != nil || minutes < 1 {
		return 0, 0, "", fmt.Errorf("STAMPEDE_CHAOS=%q: want minutes above zero", text)
	}
	if seed, err = strconv.ParseUint(fields[1], 10, 64); err != nil {
		return 0, 0, "", fmt.Errorf("STAMPEDE_CHAOS=%q: want a seed: %w", text, err)
	}
	return minutes, seed, fields[2], nil
}

// chaosScenario has a random schedule of all faults that a back end has.
func chaosScenario(n int, seed uint64, backend string) harness.Scenario {
	const length, session, pods, spare = 90 * time.Second, 6 * time.Second, 4, 2
	return harness.Scenario{
		Name:       fmt.Sprintf("chaos-%d", n+1),
		Doc:        "Does a consumer keep its claims under a random schedule of all faults?",
		Load:       harness.Load{Pacer: load.Constant{Rate: 100, For: length}, Keys: load.Uniform{N: 200}},
		Service:    load.Fixed(5 * time.Millisecond),
		Partitions: 12,
		Pods:       pods,
		Spare:      spare,
		Workers:    8,
		Drain:      time.Minute,
		Injections: fault.Chaos{From: 5 * time.Second, To: length, Session: session, Pods: pods, Spare: spare, Faults: faultsOf(backend)}.Injections(seed),
		Consumers:  []string{chaosConsumers[n%len(chaosConsumers)]},
		Extra:      true,
	}
}

// faultsOf are the known faults that a back end has.
func faultsOf(backend string) (all []fault.Known) {
	b, err := harness.FindBackend(backend)
	if err != nil {
		return nil
	}
	for _, k := range fault.All() {
		if k.CheckSupport(b.(harness.Prototyper).Prototype()) == nil {
			all = append(all, k)
		}
	}
	return all
}

// TestChaos runs the scenarios of STAMPEDE_CHAOS, and reports the memory before and after.
func TestChaos(t *testing.T) {
	minutes, seed, backend, err := chaosSettings()
	if err != nil {
		t.Fatal(err)
	}
	if minutes == 0 {
		t.Skip("make chaos runs it")
	}
	if len(faultsOf(backend)) == 0 {
		t.Fatalf("the back end %q has no faults: want embedded, virtual or docker", backend)
	}
	heap, resident := heapInUse(), residentMemory()
	bench.Compare(t, bench.Smoke{})
	t.Logf("%d minutes of chaos on %s with seed %d; heap %d MiB before and %d MiB after, resident memory %d and %d MiB",
		minutes, backend, seed, heap, heapInUse(), resident, residentMemory())
}

// residentMemory is the memory of the harness that the system counts, in MiB, and 0 where it
// cannot be read.
func residentMemory() (mib int) {
	text, _ := os.ReadFile("/proc/self/statm")
	if fields := strings.Fields(string(text)); len(fields) > 1 {
		mib, _ = strconv.Atoi(fields[1])
	}
	return mib * os.Getpagesize() >> 20
}

// heapInUse is the memory of the harness that is in use, in MiB.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse >> 20
}
