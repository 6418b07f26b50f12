package engine_test

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
)

// Each moment is hit, as the ledger of the run says, and each consumer keeps its claims. With
// STAMPEDE_MOMENTS each consumer meets each fault at each of its moments so many times. Without
// it a few cases are tried once.
func TestMomentsAreHit(t *testing.T) {
	lock.Machine(t)
	hitMoments(t, quickMoments, func(t *testing.T, p *engine.Plan) *harness.Run { return runPlan(t, p, nil) })
}

func TestMomentsAreHitOnRealKafka(t *testing.T) {
	backend := realKafka(t)
	hitMoments(t, quickMoments, func(t *testing.T, p *engine.Plan) *harness.Run { return runPlan(t, p, backend) })
}

func runPlan(t *testing.T, p *engine.Plan, backend harness.Backend) *harness.Run {
	if backend != nil {
		p.Backend = backend
	}
	o, err := engine.Run(t.Context(), *p)
	if err != nil {
		t.Fatal(err)
	}
	return &o.Run
}

// quickMoments chooses cases for CI: those that decide between at least once and at most once.
func quickMoments(_ int, c momentCase) bool {
	return c.consumer == "keyed" && c.fault == killed && (c.moment == fault.BeforeCommit || c.moment == fault.AfterCommit)
}

// momentCase is a fault at a moment of a consumer.
type momentCase struct {
	consumer string
	moment   fault.Moment
	fault    int
}

// The faults at a moment.
const (
	killed = iota
	paused
	cutOff
	faultsAtMoment
)

func (c momentCase) injected() interface {
	harness.Fault
	harness.ConsumerRequirer
	harness.Requirer
} {
	switch c.fault {
	case killed:
		return fault.KillPodAt{Moment: c.moment}
	case paused:
		return fault.PausePodAt{Moment: c.moment}
	}
	return fault.CutPodAt{Moment: c.moment}
}

// hitMoments tries all cases that a consumer and a back end have. quick chooses from them
// without STAMPEDE_MOMENTS.
func hitMoments(t *testing.T, quick func(cell int, c momentCase) bool, run func(*testing.T, *engine.Plan) *harness.Run) {
	times, err := strconv.Atoi(cmp.Or(os.Getenv("STAMPEDE_MOMENTS"), "0"))
	if err != nil {
		t.Fatal(err)
	}
	cell := 0
	for _, consumer := range []string{"keyed", "keyed@848", "share", "txn"} {
		for _, moment := range fault.Moments {
			cell++
			for f := range faultsAtMoment {
				c := momentCase{consumer, moment, f}
				p := plan(t, consumer, nil)
				if times == 0 && !quick(cell, c) {
					continue
				}
				t.Run(consumer+" "+c.injected().Name(), func(t *testing.T) {
					if err := c.injected().RequiresOf(p.Consumer.Implementation, p.Consumer.Protocol); err != nil {
						t.Skip(err)
					}
					if f == cutOff && moment.Work != 0 {
						t.Skip(c.injected().Requires(p.Backend.(harness.Prototyper).Prototype()))
					}
					hitMoment(t, c, max(times, 1), run)
				})
			}
		}
	}
}

// momentSession is the session of the pods.
const momentSession = 3 * time.Second

// hitMoment makes a run with a number of faults, each at the moment of the case.
func hitMoment(t *testing.T, c momentCase, times int, run func(*testing.T, *engine.Plan) *harness.Run) {
	p := plan(t, c.consumer, nil)
	s := &p.Scenario
	s.Service, s.Workers, s.Pods, s.Partitions = load.Fixed(momentService), 8, 3, 12
	s.Session, s.Commit, s.Drain, s.Conditions = momentSession, 500*time.Millisecond, 30*time.Second, harness.Conditions{Lateness: 5 * time.Second}
	if c.moment == fault.BeforeAcknowledgement || c.moment == fault.AfterAcknowledgement {
		// With some slow records, a share group sends acknowledgements of the others without a fetch.
		s.Service = load.Rare{Usual: momentService, Slow: 2 * time.Second, Share: 0.02}
	}
	var faults []momentHit
	at := 2 * time.Second
	for n := range times {
		after, pause := time.Second, 3*time.Second // a group without a killed member forms within a session
		switch {
		case c.fault == paused && n%2 == 0:
			after, pause = momentSession*3/2, 2*time.Second
		case c.fault == cutOff:
			after, pause = 500*time.Millisecond, time.Second
		}
		if c.moment == fault.BeforeSync { // a pod that joins makes the others join again
			s.Spare = 1
			s.Injections = append(s.Injections, harness.Injection{Fault: fault.JoinPod{}, At: at, HealAfter: momentSession})
			at, pause = at+time.Millisecond, pause+momentSession
		}
		faults = append(faults, momentHit{momentCase: c, injection: len(s.Injections), healAfter: after})
		s.Injections = append(s.Injections, harness.Injection{Fault: c.injected(), At: at, HealAfter: after})
		at += after + pause
	}
	s.Load.Pacer = load.Constant{Rate: 100, For: at + 10*time.Second}
	applied, err := engine.Overrides{}.Apply(*s)
	if err != nil {
		t.Fatal(err)
	}
	p.Scenario, p.KeepIn, p.KeepAll = applied, t.TempDir(), true
	r := run(t, &p)
	if r.Status != harness.Pass || len(r.Faults) != len(s.Injections) {
		t.Errorf("%s: %v; %d faults of %d", r.Status, r.Reasons, len(r.Faults), len(s.Injections))
		logFailures(t, r)
	}
	facts := readMomentFacts(t, r.Ledger)
	hits := 0
	for n, f := range faults {
		if err := facts.prove(f); err != nil {
			t.Errorf("%s, %d of %d: %v", c.injected().Name(), n+1, times, err)
			continue
		}
		hits++
	}
	t.Logf("the ledger proves %d of %d: %s, %s; %d rebalances, %d attempts at %d records", hits, times, c.consumer, c.injected().Name(), r.Rebalances, r.Counts.Attempts, r.Counts.Completed)
}

// momentService is the service time of a record that is not slow.
const momentService = 5 * time.Millisecond

// All moments are those of a consumer.
func TestEachMomentHasAConsumer(t *testing.T) {
	for _, m := range fault.Moments {
		if !slices.ContainsFunc([]string{"keyed", "keyed@848", "share", "txn"}, func(consumer string) bool {
			c := plan(t, consumer, nil).Consumer
			return fault.KillPodAt{Moment: m}.RequiresOf(c.Implementation, c.Protocol) == nil
		}) {
			t.Errorf("no consumer is interrupted %s", m.Name)
		}
	}
}
