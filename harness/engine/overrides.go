package engine

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/profile"
	"github.com/stampede-bench/stampede/harness/slo"
)

// Overrides are what the command line changes in every scenario. A zero value changes
// nothing. The other fields override what Profile sets.
type Overrides struct {
	Profile                           *profile.Replay
	Rate                              float64
	Duration                          time.Duration
	Partitions, Pods, Workers, Window int
	Payload                           int
	Service, Keys                     string
	Commit, Session                   time.Duration
	Producer                          ProducerOverrides
	Objectives                        string // Objectives as in [harness.Scenario], in addition to those of the scenario.
}

// Apply returns the scenario with the overrides and the defaults applied. It returns an
// error if its parts do not fit together.
func (o Overrides) Apply(s harness.Scenario) (harness.Scenario, error) {
	wrap := func(err error) (harness.Scenario, error) {
		return s, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	if o.Profile != nil {
		if err := o.Profile.Apply(&s, o.Partitions); err != nil {
			return wrap(err)
		}
	}
	if o.Rate > 0 || o.Duration > 0 {
		p, ok := s.Load.Pacer.(harness.Scalable)
		if !ok {
			return wrap(fmt.Errorf("its load, %s, has no rate and no duration to set", s.Load.Pacer))
		}
		s.Load.Pacer = p.Scale(o.Rate, o.Duration)
	}
	var err error
	if o.Service != "" {
		if s.Service, err = load.ParseService(o.Service); err != nil {
			return wrap(err)
		}
	}
	if o.Keys != "" {
		if s.Load.Keys, err = load.ParseKeys(o.Keys); err != nil {
			return wrap(err)
		}
	}
	if s.Producer, err = o.Producer.apply(s.Producer); err != nil {
		return wrap(err)
	}
	setField(&s.Partitions, o.Partitions, 12)
	setField(&s.Pods, o.Pods, 3)
	setField(&s.Workers, o.Workers, 50)
	setField(&s.Window, o.Window, 500)
	setField(&s.MaxPoll, 0, 100)
	setPayload(&s.Load, o.Payload)
	setField(&s.Commit, o.Commit, time.Second)
	setField(&s.Session, o.Session, 6*time.Second)
	setField(&s.Drain, 0, 30*time.Second)
	setField(&s.Conditions.Lateness, 0, 100*time.Millisecond)
	if s.Objectives, err = o.applyObjectives(s.Objectives); err != nil {
		return wrap(err)
	}
	if none, ok := s.Load.Keys.(harness.Keyless); ok {
		s.Load.Keys = none.Of(s.Partitions, s.Load.Payload)
	}
	if err := checkScenario(&s); err != nil {
		return wrap(err)
	}
	return s, nil
}

// setPayload sets the length of all values to the override, if there is one.
func setPayload(l *harness.Load, override int) {
	if override > 0 {
		l.Sizes = nil
	}
	if l.Sizes != nil {
		l.Payload = int(math.Round(l.Sizes.Mean()))
	}
	setField(&l.Payload, override, 200)
}

// applyObjectives adds the objectives of the command line to those of a scenario. They take
// the place of those that limit the same.
func (o Overrides) applyObjectives(own string) (string, error) {
	before, err := slo.Parse(own)
	if err != nil {
		return "", err
	}
	over, err := slo.Parse(o.Objectives)
	if err != nil {
		return "", err
	}
	all, err := before.With(over)
	return all.String(), err
}

// setField sets a field to its override, or to its default if it is not set.
func setField[T int | time.Duration](field *T, override, fallback T) {
	if override > 0 {
		*field = override
	}
	if *field == 0 {
		*field = fallback
	}
}

// minSession is the shortest session that a pod on a busy machine can keep.
const minSession = time.Second

const (
	// maxPayload leaves room for the rest of a batch. A client sends at most 1,000,012
	// bytes, a little less than the 1 MiB that a broker accepts.
	maxPayload = 999_000
	// maxPartitions is what three nodes on one machine can serve.
	maxPartitions = 10_000
)

// checkScenario returns an error if the parts of a scenario do not fit together.
func checkScenario(s *harness.Scenario) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if err := checkLoad(s); err != nil {
		return err
	}
	if s.Prepare != 0 && !(s.Prepare > 0 && s.Prepare < 1) {
		return fmt.Errorf("the part of the work to prepare is %v: want a number above 0 and below 1", s.Prepare)
	}
	_, _, last := load.Extent(s.Load.Pacer)
	if err := load.CheckFailures(s.Failures, last); err != nil {
		return err
	}
	if err := load.CheckSlowdown(s.Slowdown, last); err != nil {
		return err
	}
	if err := errors.Join(checkSizes(s), checkPods(s)); err != nil {
		return err
	}
	return checkTimes(s, last)
}

// checkSizes returns an error if a size of a scenario is too small or too large.
func checkSizes(s *harness.Scenario) error {
	switch {
	case s.Partitions < 0 || s.Pods < 0 || s.Spare < 0 || s.Workers < 0 || s.Window < 0 || s.Load.Payload < 0:
		return errors.New("partitions, pods, spare pods, workers, window and payload must be above zero")
	case s.Load.Payload < ledger.IdentitySize:
		return fmt.Errorf("a payload of %d bytes cannot hold a record's identity: at least %d", s.Load.Payload, ledger.IdentitySize)
	case s.Load.Payload > maxPayload:
		return fmt.Errorf("a payload of %d bytes is more than a broker accepts in a record, 1 MiB by default: at most %d", s.Load.Payload, maxPayload)
	case s.Partitions > maxPartitions:
		return fmt.Errorf("%d partitions are more than three nodes on one machine can serve: at most %d", s.Partitions, maxPartitions)
	}
	return nil
}

// checkTimes returns an error if the times of a scenario do not fit its load, which ends at
// last, and its drain.
func checkTimes(s *harness.Scenario, last time.Duration) error {
	switch {
	case max(s.Session, s.Commit, s.Drain, s.Warmup) > maxTime:
		return fmt.Errorf("a session of %v, a commit interval of %v, a drain of %v, a warm-up of %v: each at most %v", s.Session, s.Commit, s.Drain, s.Warmup, maxTime)
	case s.Session < minSession:
		return fmt.Errorf("a session timeout of %v is too short: at least %v", s.Session, minSession)
	case s.Commit > s.Drain:
		return fmt.Errorf("the commit interval %v is longer than the drain %v", s.Commit, s.Drain)
	case s.Warmup > 0 && s.Warmup >= last:
		return fmt.Errorf("the load of %v is not longer than its warm-up of %v", roundTime(last), s.Warmup)
	}
	for _, i := range s.Injections {
		if err := checkInjection(s, i, last); err != nil {
			return err
		}
	}
	if stall := s.Session + 2*s.Commit + 2*time.Second; s.Drain < stall {
		return fmt.Errorf("a drain of %v is too short to tell a stall from overload: at least session + 2 x commit + 2 s = %v", s.Drain, stall)
	}
	return nil
}

// checkInjection returns an error if an injection is too late for its effects to show.
func checkInjection(s *harness.Scenario, i harness.Injection, last time.Duration) error {
	name, end := i.Fault.Name(), last+s.Drain
	heal, heals := i.HealsAfter(s.Session)
	switch {
	case i.HealAfter > maxTime || i.HealSessions > int(maxTime/s.Session):
		return fmt.Errorf("%s is healed %v and %d sessions later: at most %v", name, i.HealAfter, i.HealSessions, maxTime)
	case i.At > last+100*time.Millisecond:
		return fmt.Errorf("%s at %v comes after the end of the load at %v: make the load longer", name, i.At, roundTime(last))
	case i.At+s.Session+settleTime > end:
		return fmt.Errorf("%s at %v cannot show its effects within the load of %v and the drain of %v: that takes session + %v", name, i.At, roundTime(last), s.Drain, settleTime)
	case heals && i.At+heal > end:
		return fmt.Errorf("%s at %v is healed %v later, after the end of the load of %v and the drain of %v", name, i.At, heal, roundTime(last), s.Drain)
	}
	return nil
}

func roundTime(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
