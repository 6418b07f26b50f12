package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/pod"
)

// faultInjector injects and heals the faults of a run. Safe for concurrent use.
type faultInjector struct {
	setup    *setup
	time     loadClock
	runner   *fault.Runner
	finished chan struct{} // closed when nothing is left to inject or to heal

	// The last reading before an injection:
	before   workReading
	appended []int64

	mu   sync.Mutex
	list []injectedFault
}

// injectedFault is a fault as it happened. Times count from the start of the load.
type injectedFault struct {
	injection    int // its number in the scenario
	name         string
	injected     time.Duration
	healed       time.Duration // harness.Never while it lasts
	target       harness.Target
	owner        ledger.Owner // the incarnation that it affects; 0 for none in particular
	workInFlight time.Duration
}

func newFaultInjector(s *setup, t loadClock) *faultInjector {
	f := &faultInjector{setup: s, time: t, finished: make(chan struct{})}
	f.runner = &fault.Runner{
		Env: &harness.Env{
			Cluster: s.cluster, Pods: s.fleet.Pods(), Spare: s.Scenario.Spare, Log: logView{s}, Group: s.watcher,
			Brokers: s.client, Topic: s.cfg.Topic, GroupName: s.cfg.Group, Dial: s.cfg.Dialer,
			Share:  s.Consumer.Implementation.Share,
			Topics: topicAdmin{s}, Groups: groupAdmin{s}, Producer: s.producer,
			Rand: s.randomStream(faultStream),
		},
		Injections: s.Scenario.Injections, Session: s.cfg.Session,
		Now:    t.elapsed,
		Before: f.readWork, Injected: f.noteInjected, Healed: f.noteHealed,
	}
	return f
}

// injectAll injects and heals until all is done. After the end of ctx it heals at once.
func (f *faultInjector) injectAll(ctx context.Context) {
	defer close(f.finished)
	outcomes, err := f.runner.Run(ctx)
	if err != nil {
		f.breakFault(err.Error())
	}
	if !f.setup.producer.Running() { // else the load would never end
		f.breakFault("no heal started the producer again")
		_ = f.setup.producer.Start(ctx)
	}
	for i, o := range outcomes {
		injection := &f.setup.Scenario.Injections[i]
		switch after, heals := injection.HealsAfter(f.setup.cfg.Session); {
		case o.Injected == harness.Never:
			f.breakFault(fmt.Sprintf("the run ended before %s could be injected at %v", injection.Fault.Name(), injection.At))
		case heals && o.Healed == harness.Never:
			f.breakFault(fmt.Sprintf("the run ended before %s could be healed %v after its injection", injection.Fault.Name(), after))
		}
		if o.Verified != nil {
			f.breakFault(fmt.Sprintf("%s did not take effect: %v", injection.Fault.Name(), o.Verified))
		}
	}
}

// readWork reads what is in flight right before an injection.
func (f *faultInjector) readWork(int) {
	if err := f.setup.work.pollJournals(); err != nil {
		f.breakFault(err.Error())
	}
	f.appended, f.before = f.setup.producer.Appended(), f.setup.work.readProgress()
}

// noteInjected notes an injection, and checks that its target had enough work in flight.
func (f *faultInjector) noteInjected(i int, target harness.Target, at time.Duration) {
	s := f.setup
	o := injectedFault{injection: i, name: s.Scenario.Injections[i].Fault.Name(), injected: at, healed: harness.Never, target: target}
	if target.Pod != "" {
		o.owner = incarnationFor(s.fleet.Incarnations(), target.Pod, f.time.start+int64(at))
		o.workInFlight = f.before.withMeanOf(s.Scenario.Service.Mean()).workInFlight(f.appended, target.Partitions, s.Consumer.Implementation.ParallelismOf(s.cfg))
	}
	if need := s.neededWorkInFlight(); need > 0 && target.Pod != "" && o.workInFlight < need {
		s.incidents.breakAssumption(oracle.WorkInFlight, f.describeShortage(&o, need))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, o)
}

// describeShortage says how the work in flight of a target was computed: the declared
// parallelism may be too high.
func (f *faultInjector) describeShortage(o *injectedFault, need time.Duration) string {
	s := f.setup
	before := f.before.withMeanOf(s.Scenario.Service.Mean())
	return fmt.Sprintf("%s had %v of work at the fault, less than the needed %v: %d records of %v, of which it declares to work on %d at once",
		o.target.Pod, o.workInFlight.Round(time.Millisecond), need, before.recordsInFlight(f.appended, o.target.Partitions),
		before.mean.Round(time.Millisecond), s.Consumer.Implementation.ParallelismOf(s.cfg))
}

// noteHealed notes that a fault was healed.
func (f *faultInjector) noteHealed(i int, at time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.list {
		if f.list[k].injection == i {
			f.list[k].healed = at
		}
	}
}

// injectedFaults are the faults so far, in the order of injection.
func (f *faultInjector) injectedFaults() []injectedFault {
	if f == nil {
		return nil // no load was sent
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

func (f *faultInjector) breakFault(why string) {
	f.setup.incidents.breakAssumption(oracle.FaultTookEffect, why)
}

// neededWorkInFlight is how much work the target of a fault must have in flight.
func (s *setup) neededWorkInFlight() time.Duration {
	return time.Duration(s.Scenario.Conditions.WorkInFlight * float64(s.cfg.Commit))
}

// incarnationFor is the incarnation of a pod that a fault affects which began at a time, ns on
// CLOCK_MONOTONIC: the one that ran then, or else the next one, for which the fault waited.
func incarnationFor(incarnations []pod.Incarnation, name string, began int64) (owner ledger.Owner) {
	owner = incarnationAt(incarnations, name, began)
	ran := slices.ContainsFunc(incarnations, func(in pod.Incarnation) bool { return in.Owner == owner && (in.Down == 0 || in.Down > began) })
	if next := slices.IndexFunc(incarnations, func(in pod.Incarnation) bool { return in.Pod == name && in.Up > began }); !ran && next >= 0 {
		return incarnations[next].Owner
	}
	return owner
}

// incarnationAt is the incarnation of a pod at a time, ns on CLOCK_MONOTONIC; 0 for none.
func incarnationAt(incarnations []pod.Incarnation, name string, at int64) (owner ledger.Owner) {
	for i := range incarnations {
		if in := &incarnations[i]; in.Pod == name && in.Up <= at {
			owner = in.Owner
		}
	}
	return owner
}

// logView is the source topic as faults see it.
type logView struct{ setup *setup }

func (l logView) Appended() []int64 { return l.setup.producer.Appended() }

func (l logView) Leaders(ctx context.Context) ([]int32, error) { return l.setup.client.Leaders(ctx) }
