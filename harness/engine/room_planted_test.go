package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/measure"
)

// A run next to programs that fill all processors is marked as saturated, and a run on a calm
// machine is not. In every second round those programs are niced. STAMPEDE_ROOM is the number of
// rounds. The machine must be quiet, so make test leaves this out.
func TestPlantedSaturationIsMarkedAndACalmRunIsNot(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("STAMPEDE_ROOM"))
	if err != nil {
		t.Skip("STAMPEDE_ROOM has no number of rounds: make soak-room sets it")
	}
	lock.Machine(t)
	for n := range rounds {
		t.Run(fmt.Sprintf("saturated/%d", n+1), func(t *testing.T) {
			fillProcessors(t, n%2 == 1)
			if r := runForRoom(t); r.Saturated == "" {
				t.Errorf("the run is not marked, at %.2f busy", r.Host.Busy)
			}
		})
		t.Run(fmt.Sprintf("calm/%d", n+1), func(t *testing.T) {
			awaitCalm(t)
			if r := runForRoom(t); r.Saturated != "" {
				t.Errorf("the run is marked, at %.2f busy: %s", r.Host.Busy, r.Saturated)
			}
		})
	}
}

// runForRoom makes a run that needs little of a processor. Its status does not matter.
func runForRoom(t *testing.T) *harness.Run {
	t.Helper()
	o, err := engine.Run(t.Context(), plan(t, "keyed", func(s *harness.Scenario) {
		s.Load.Pacer, s.Warmup = load.Constant{Rate: 50, For: 4 * time.Second}, time.Second
	}))
	if err != nil {
		t.Fatal(err)
	}
	return &o.Run
}

// fillProcessors starts a program that never waits for each processor, and ends them with
// the test.
func fillProcessors(t *testing.T, niced bool) {
	t.Helper()
	const loop = "while :; do :; done"
	for range runtime.NumCPU() {
		cmd := exec.Command("sh", "-c", loop)
		if niced {
			cmd = exec.Command("nice", "-n", "10", "sh", "-c", loop)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
}

// awaitCalm waits until the machine does little else.
func awaitCalm(t *testing.T) {
	t.Helper()
	const most, patience = 0.3, 2 * time.Minute
	for deadline := time.Now().Add(patience); ; {
		host := measure.StartHost()
		time.Sleep(time.Second)
		busy := host.Stop().Busy
		if busy <= most {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the machine has been busy for %v, now %.2f: want at most %.2f without the run", patience, busy, most)
		}
	}
}
