package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// injections are the faults of a run under way. Safe for concurrent use.
type injections struct {
	r      *run
	runner *fault.Runner
	done   chan struct{}

	before progress // before is the last reading ahead of an injection
	landed []int64

	mu   sync.Mutex
	list []outcome
}

// outcome is a fault as it happened. Times count from the start of the load.
type outcome struct {
	injection int // of the scenario
	name      string
	injected  time.Duration
	healed    time.Duration // harness.Never while it is not
	hit       harness.Target
	owner     ledger.Owner // of the incarnation struck, 0 where none was
	inHand    time.Duration
}

// upon is the partition of a fault in the ledger: -1 if it strikes nobody, and else 0. Which
// partitions it affects is no fact of the ledger.
func (o *outcome) upon() int32 {
	if o.hit.None {
		return -1
	}
	return 0
}

func (r *run) newInjections() *injections {
	f := &injections{r: r, done: make(chan struct{})}
	f.runner = &fault.Runner{
		Env: &harness.Env{
			Cluster: r.cluster, Pods: r.fleet.Pods(), Spare: r.Scenario.Spare, Log: logView{r}, Group: r.watcher,
			Share: r.Consumer.Implementation.Share,
			Rand:  rand.New(rand.NewPCG(r.Seed, uint64(r.Repeat)<<8|faultStream)),
		},
		Injections: r.Scenario.Injections, Session: r.cfg.Session,
		Now:    func() time.Duration { return r.since(r.clock.Now()) },
		Before: f.reading, Injected: f.injected, Healed: f.healed,
	}
	return f
}

// run injects and heals until all is done, or ctx ends; then it heals at once.
func (f *injections) run(ctx context.Context) {
	defer close(f.done)
	outcomes, err := f.runner.Run(ctx)
	if err != nil {
		f.doubt(err.Error())
	}
	for i, o := range outcomes {
		if _, heals := f.r.Scenario.Injections[i].HealsAfter(f.r.cfg.Session); o.Injected == harness.Never || heals && o.Healed == harness.Never {
			f.doubt(fmt.Sprintf("%s was not carried out in time", f.r.Scenario.Injections[i].Fault.Name()))
		}
		if o.Verified != nil {
			f.doubt(fmt.Sprintf("%s did not take: %v", f.r.Scenario.Injections[i].Fault.Name(), o.Verified))
		}
	}
}

// reading notes what is in hand right before an injection.
func (f *injections) reading(int) {
	if err := f.r.live.poll(); err != nil {
		f.doubt(err.Error())
	}
	f.landed, f.before = f.r.producer.Appended(), f.r.live.read()
}

func (f *injections) injected(i int, hit harness.Target, at time.Duration) {
	o := outcome{injection: i, name: f.r.Scenario.Injections[i].Fault.Name(), injected: at, healed: harness.Never, hit: hit}
	if hit.Pod != "" {
		o.owner = struck(f.r.fleet.Incarnations(), hit.Pod, f.r.start+int64(at))
		o.inHand = workInHand(f.landed, f.before.whole(f.r.Scenario.Service.Mean()), hit.Partitions, f.r.Consumer.Implementation.ParallelismOf(f.r.cfg))
	}
	if need := f.r.needInHand(); need > 0 && hit.Pod != "" && o.inHand < need {
		f.r.doubt(inHand, fmt.Sprintf("no work in hand at the kill: %s held %v of work, less than %v", hit.Pod, o.inHand.Round(time.Millisecond), need))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, o)
}

func (f *injections) healed(i int, at time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.list {
		if f.list[k].injection == i {
			f.list[k].healed = at
		}
	}
}

// outcomes are the faults so far, in the order of injection.
func (f *injections) outcomes() []outcome {
	if f == nil {
		return nil // the group never formed
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]outcome(nil), f.list...)
}

// settled reports that nothing is left to inject or heal.
func (f *injections) settled() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

func (f *injections) doubt(why string) { f.r.doubt(faultHappened, why) }

// logView is the source topic as faults see it.
type logView struct{ r *run }

func (l logView) Appended() []int64 { return l.r.producer.Appended() }

func (l logView) Leaders(ctx context.Context) ([]int32, error) { return l.r.client.Leaders(ctx) }
