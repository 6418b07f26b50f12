package stampede

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
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

// elections are what fault.Chaos has as Election, by back end. Real Kafka fences a broker three seconds
// after its last heartbeat, and needs a new controller first if that is the broker. Then it elects leaders.
var elections = map[string]time.Duration{"docker": 8 * time.Second}

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
		Injections: fault.Chaos{
			From: 5 * time.Second, To: length, Session: session, Pods: pods, Spare: spare,
			Faults: faultsOf(backend), Election: elections[backend],
		}.Injections(seed),
		Consumers: []string{chaosConsumers[n%len(chaosConsumers)]},
		Extra:     true,
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

// TestChaos runs the scenarios of STAMPEDE_CHAOS. The memory of the harness may not grow from
// the first run to the last.
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
	var memory []memoryReading
	bench.Compare(t, bench.Smoke{}, func(*harness.Run) { memory = append(memory, readMemory()) })
	if len(memory) == 0 {
		return // it says why
	}
	first, last := memory[0], memory[len(memory)-1]
	t.Logf("%d minutes of chaos on %s with seed %d: after the first of %d runs %v; after the last %v", minutes, backend, seed, len(memory), first, last)
	if err := checkGrowth(first, last, len(memory)-1); err != nil {
		t.Error(err)
	}
}

// memoryReading is the memory of the harness after a run, in bytes, without garbage.
type memoryReading struct{ heap, resident int64 }

func (m memoryReading) String() string {
	return fmt.Sprintf("a heap of %.1f MiB and %d MiB resident", float64(m.heap)/(1<<20), m.resident>>20)
}

// readMemory collects garbage first and gives it back to the system: the collector alone lets
// the heap grow to a multiple of what is in use, and gives that back in minutes.
func readMemory() memoryReading {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memoryReading{int64(m.HeapAlloc), residentMemory()}
}

// What the harness may hold after a run. The report has its series and histograms. Free pages
// between objects in use stay resident, and what the system counts is a sample.
const (
	heldByRun     = 1 << 20
	heldBySamples = 64 << 20
)

// checkGrowth returns an error if the memory of the harness is not flat over further runs.
func checkGrowth(first, last memoryReading, runs int) error {
	held := int64(runs) * heldByRun
	if grew := last.heap - first.heap; grew > held {
		return fmt.Errorf("the heap grew by %.1f MiB in %d runs, and %d MiB is what their results take", float64(grew)/(1<<20), runs, held>>20)
	}
	if grew := last.resident - first.resident; grew > held+heldBySamples {
		return fmt.Errorf("the resident memory grew by %d MiB in %d runs, and the heap did not", grew>>20, runs)
	}
	return nil
}

// TestChaosFailsWhenMemoryGrows: runs may hold their results, and no more.
func TestChaosFailsWhenMemoryGrows(t *testing.T) {
	first := memoryReading{heap: 4 << 20, resident: 100 << 20}
	for _, tt := range []struct {
		last memoryReading
		want string
	}{
		{memoryReading{heap: 18 << 20, resident: 170 << 20}, ""},
		{memoryReading{heap: 20 << 20, resident: 100 << 20}, "the heap grew by 16.0 MiB in 14 runs"},
		{memoryReading{heap: 4 << 20, resident: 180 << 20}, "the resident memory grew by 80 MiB in 14 runs"},
	} {
		err := checkGrowth(first, tt.last, 14)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.last, err)
		}
	}
}

// residentMemory is the memory of the harness that the system counts, in bytes, and 0 where it
// cannot be read.
func residentMemory() int64 {
	text, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// TestChaosOnRealKafkaLastsAsLongAsElections: a broker that is back sooner leads on, and the run is inconclusive.
func TestChaosOnRealKafkaLastsAsLongAsElections(t *testing.T) {
	removes := map[string]fault.Resource{}
	for _, k := range fault.All() {
		removes[k.Fault.Name()] = k.Removes
	}
	brokers := 0
	for seed := range uint64(10) {
		for _, i := range chaosScenario(0, seed, "docker").Injections {
			if removes[i.Fault.Name()] != fault.ABroker {
				continue
			}
			if brokers++; i.HealAfter < 8*time.Second {
				t.Errorf("seed %d: %s is healed after %v", seed, i.Fault.Name(), i.HealAfter)
			}
		}
	}
	if brokers == 0 {
		t.Error("no fault of a broker in 10 schedules")
	}
}
