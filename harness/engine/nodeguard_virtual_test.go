//go:build synctests

package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// A run that loses a node in any phase ends there. It is inconclusive and names the node,
// whatever else the loss has caused.
func TestLostNodeEndsARunInEachPhase(t *testing.T) {
	for _, phase := range []string{"starting", "forming", "load", "drain", "stopping"} {
		t.Run(phase, func(t *testing.T) {
			var lost atomic.Bool
			p := calmPlan(t, "keyed", func(s *harness.Scenario) {
				// A fault that begins before the loss, and would be healed after it.
				s.Injections = []harness.Injection{{Fault: fault.PausePod{}, At: 2 * time.Second, HealAfter: 25 * time.Second}}
			})
			p.Backend = spoilt{
				lost: func(time.Duration) bool { return lost.Load() },
				dial: func() error {
					if lost.Load() {
						return errors.New("out of reach")
					}
					return nil
				},
			}
			var last string
			p.Progress = func(now engine.Progress) {
				last = now.Phase
				lost.Store(lost.Load() || now.Phase == phase && (phase != "load" || now.Elapsed > 5*time.Second))
			}
			r := inBubble(t, p, nil)
			if last != phase {
				t.Errorf("the run went on to the phase %s", last)
			}
			if want := oracle.NoBrokerLost + ": node 2 was paused from outside Stampede"; r.Status != harness.Inconclusive || strings.Join(r.Reasons, "; ") != want {
				t.Errorf("the run is %s: %q, want inconclusive: %q", r.Status, r.Reasons, want)
			}
		})
	}
}

// A loss after the last reading changes nothing that the run has measured.
func TestLossAfterTheLastReadingIsIgnored(t *testing.T) {
	var lost atomic.Bool
	p := calmPlan(t, "keyed", nil)
	p.Backend = spoilt{lost: func(time.Duration) bool { return lost.Load() }}
	p.Progress = func(now engine.Progress) { lost.Store(now.Phase == "judging") }
	if r := inBubble(t, p, nil); r.Status != harness.Pass {
		t.Errorf("the run is %s: %v", r.Status, r.Reasons)
	}
}

// The end of a check with its run is no loss.
func TestCancelledCheckIsNoLoss(t *testing.T) {
	p := calmPlan(t, "keyed", nil)
	p.Backend = slowChecks{}
	if r := inBubble(t, p, nil); r.Status != harness.Pass {
		t.Errorf("the run is %s: %v", r.Status, r.Reasons)
	}
}

// slowChecks is a back end whose checks last until they are cancelled.
type slowChecks struct{ spoilt }

func (s slowChecks) Start(ctx context.Context, spec harness.ClusterSpec) (harness.Cluster, error) {
	c, err := s.spoilt.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	return slowCheckCluster{c.(*spoiltCluster)}, nil
}

type slowCheckCluster struct{ *spoiltCluster }

func (slowCheckCluster) CheckNodes(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
