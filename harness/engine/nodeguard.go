package engine

import (
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/oracle"
)

const (
	nodeCheckInterval = 500 * time.Millisecond
	nodeCheckTimeout  = 5 * time.Second // nodeCheckTimeout limits the check at the end of a run.
)

// lostNode is why a run was abandoned: its cluster has lost a node.
type lostNode struct{ error }

// nodeGuard ends a run whose cluster has lost a node. Without that node the run says
// nothing about its consumer, and each further request may wait for a timeout.
type nodeGuard struct {
	checker harness.NodeChecker     // nil if the cluster cannot notice a loss
	intact  context.Context         // ends with the loss of a node, and with nothing else
	lose    context.CancelCauseFunc // ends intact
}

func newNodeGuard() *nodeGuard {
	g := &nodeGuard{}
	g.intact, g.lose = context.WithCancelCause(context.Background())
	return g
}

// guardContext returns a context that ends with ctx, and with the loss of a node.
func (g *nodeGuard) guardContext(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.intact, func() { cancel(context.Cause(g.intact)) })
	return ctx, func() { stop(); cancel(nil) }
}

// watchNodes checks the nodes of a cluster again and again, until stop is called.
func (g *nodeGuard) watchNodes(c harness.Cluster) (stop func() error) {
	checker, ok := c.(harness.NodeChecker)
	if !ok {
		return func() error { return nil }
	}
	g.checker = checker
	ctx, cancel := context.WithCancel(g.intact)
	var background sync.WaitGroup
	background.Go(func() {
		tick := time.NewTicker(nodeCheckInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				g.checkNodes(ctx)
			}
		}
	})
	return func() error { cancel(); background.Wait(); return nil }
}

// checkNodes notes a loss.
func (g *nodeGuard) checkNodes(ctx context.Context) {
	if err := g.checker.CheckNodes(ctx); err != nil && ctx.Err() == nil {
		g.lose(lostNode{err})
	}
}

// checkNow returns the loss of a node, also of one that was lost just now.
func (g *nodeGuard) checkNow() error {
	if g.checker != nil && g.intact.Err() == nil {
		ctx, cancel := context.WithTimeout(g.intact, nodeCheckTimeout)
		defer cancel()
		g.checkNodes(ctx)
	}
	return context.Cause(g.intact)
}

// describe says what the guard has seen in a run that lost no node.
func (g *nodeGuard) describe() string {
	if g.checker == nil {
		return "not checked: the back end cannot notice it"
	}
	return "every broker ran, but for the faults"
}

// abandonedOutcome is the outcome of a run that lost a node. Nothing of it is judged.
func (r *run) abandonedOutcome(lost lostNode) *Outcome {
	return &Outcome{
		Run: harness.Run{
			Scenario: r.Scenario.Name, Consumer: r.Consumer.Name(), Repeat: r.Repeat, Seed: r.Seed, Command: r.Command,
			Started: r.started, Took: time.Since(r.started).Round(time.Millisecond),
			Status: harness.Inconclusive, Reasons: []string{oracle.NoBrokerLost + ": " + lost.Error()},
			Assumptions: []harness.Assumption{{Name: oracle.NoBrokerLost, Detail: lost.Error()}},
		},
		Latencies: &measure.Latencies{},
	}
}
