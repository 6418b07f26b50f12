package engine_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	_ "github.com/stampede-bench/stampede/harness/broker/docker"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
)

// realKafka is the docker back end, for one test. Without an engine or an image the test
// is skipped, or fails under STAMPEDE_DOCKER=required.
func realKafka(t *testing.T) harness.Backend {
	t.Helper()
	lock.Machine(t)
	backend, err := harness.FindBackend("docker")
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.(harness.Preflighter).Preflight(t.Context()); err != nil {
		if os.Getenv("STAMPEDE_DOCKER") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := backend.(harness.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
	return backend
}

// TestCrashOnRealKafka kills a pod over each protocol on real Kafka. There commits and
// owners come from __consumer_offsets and from group descriptions, so that kfake proves
// nothing about them.
func TestCrashOnRealKafka(t *testing.T) {
	backend := realKafka(t)
	for _, protocol := range harness.Protocols {
		t.Run(string(protocol), func(t *testing.T) {
			p := plan(t, "keyed@"+string(protocol), func(s *harness.Scenario) {
				s.Load.Pacer = load.Constant{Rate: 300, For: 4 * time.Second}
				s.Service, s.Workers = load.Fixed(20*time.Millisecond), 4
				s.Drain = 20 * time.Second
				s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 3 * time.Second, HealSessions: 1, HealAfter: time.Second}}
			})
			p.Backend = backend
			o, err := engine.Run(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			r := o.Run
			if r.Status != harness.Pass {
				t.Errorf("%s: %v", r.Status, r.Reasons)
			}
			if r.Counts.Completed != 1200 || len(r.Faults) != 1 {
				t.Errorf("counts %+v, faults %+v", r.Counts, r.Faults)
			}
			if r.Counts.Redelivered == 0 && r.Counts.Attempts == 1200 {
				t.Logf("the crash cost no repeat: %d attempts", r.Counts.Attempts)
			}
			if r.Rebalances == 0 {
				t.Error("the observer saw no rebalance after a crash")
			}
		})
	}
}

// seedsOf is a back end that tells the addresses of its latest cluster.
type seedsOf struct {
	harness.Backend
	seeds []string
}

func (b *seedsOf) Start(ctx context.Context, spec harness.ClusterSpec) (harness.Cluster, error) {
	c, err := b.Backend.Start(ctx, spec)
	if err == nil {
		b.seeds = c.Seeds()
	}
	return c, err
}

// pauseNode pauses the container behind an address, as another user of the engine would.
func pauseNode(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	id, err := exec.Command("docker", "ps", "-q", "--filter", "publish="+port).CombinedOutput()
	if err != nil {
		return fmt.Errorf("find the container on port %s: %w: %s", port, err, id)
	}
	if out, err := exec.Command("docker", "pause", strings.TrimSpace(string(id))).CombinedOutput(); err != nil {
		return fmt.Errorf("pause %q: %w: %s", id, err, out)
	}
	return nil
}

// TestPausedContainerEndsTheRun pauses a node from outside while a fault keeps another
// one down. The run ends there, and names the node. The next one gets another cluster.
func TestPausedContainerEndsTheRun(t *testing.T) {
	backend := &seedsOf{Backend: realKafka(t)}
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip(err)
	}
	p := plan(t, "keyed", func(s *harness.Scenario) {
		s.Load.Pacer = load.Constant{Rate: 100, For: 10 * time.Minute}
		s.Injections = []harness.Injection{{Fault: fault.KillBroker{}, At: 2 * time.Second, HealAfter: 5 * time.Minute}}
	})
	p.Backend = backend
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	paused, last := "", ""
	p.Progress = func(now engine.Progress) {
		last = now.Phase
		if paused != "" || now.Phase != "load" || now.Elapsed < 4*time.Second {
			return
		}
		for i, addr := range backend.seeds {
			if conn, err := net.Dial("tcp", addr); err == nil { // a node that is not down
				conn.Close()
				if err := pauseNode(addr); err != nil {
					t.Log("once more:", err) // a kernel under load cannot always freeze all threads
					return
				}
				paused = fmt.Sprintf("no broker lost: node %d (kafka-%[1]d) was paused from outside Stampede", i+1)
				return
			}
		}
	}
	o, err := engine.Run(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(o.Run.Reasons, "; "); o.Run.Status != harness.Inconclusive || got != paused || last != "load" {
		t.Errorf("%s in the phase %s: %q, want inconclusive: %q", o.Run.Status, last, got, paused)
	}

	before := backend.seeds
	p = plan(t, "keyed", func(s *harness.Scenario) { s.Load.Pacer = load.Constant{Rate: 100, For: time.Second} })
	p.Backend = backend
	if o, err = engine.Run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if o.Run.Counts.Sent == 0 || slices.Equal(before, backend.seeds) {
		t.Errorf("the next run is %s: %v; its cluster %v, before %v", o.Run.Status, o.Run.Reasons, backend.seeds, before)
	}
}
