package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// Overrides are what the command line changes in every scenario. Zero values
// change nothing.
type Overrides struct {
	Rate                              float64
	Duration                          time.Duration
	Partitions, Pods, Workers, Window int
	Payload                           int
	Service, Keys                     string
	Commit, Session                   time.Duration
}

// Apply returns the scenario with the overrides in place and its defaults
// filled in, or says what does not fit.
func (o Overrides) Apply(s harness.Scenario) (harness.Scenario, error) {
	wrap := func(err error) (harness.Scenario, error) {
		return s, fmt.Errorf("scenario %s: %w", s.Name, err)
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
	set(&s.Partitions, o.Partitions, 12)
	set(&s.Pods, o.Pods, 3)
	set(&s.Workers, o.Workers, 50)
	set(&s.Window, o.Window, 500)
	set(&s.MaxPoll, 0, 100)
	set(&s.Load.Payload, o.Payload, 200)
	set(&s.Commit, o.Commit, time.Second)
	set(&s.Session, o.Session, 6*time.Second)
	set(&s.Drain, 0, 30*time.Second)
	set(&s.Thresholds.Lateness, 0, 100*time.Millisecond)
	if err := fits(&s); err != nil {
		return wrap(err)
	}
	return s, nil
}

// set puts an override into a field, or a default where nothing is.
func set[T int | time.Duration](field *T, override, fallback T) {
	if override > 0 {
		*field = override
	}
	if *field == 0 {
		*field = fallback
	}
}

// minSession is below what a starved pod on a small machine can keep alive.
const minSession = time.Second

const (
	// maxPayload leaves room for the rest of a batch in the 1,000,012 bytes that a client
	// sends at most, which is a little less than the 1 MiB that a broker takes.
	maxPayload = 999_000
	// maxPartitions is more than three nodes on one machine serve.
	maxPartitions = 10_000
)

// fits refuses a scenario whose phases or sizes do not go together.
func fits(s *harness.Scenario) error {
	if v, ok := s.Load.Pacer.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return err
		}
	}
	if s.Prepare != 0 && !(s.Prepare > 0 && s.Prepare < 1) {
		return fmt.Errorf("a share of %v of the work to prepare: want one above 0 and below 1", s.Prepare)
	}
	if err := load.CheckFailures(s.Failures); err != nil {
		return err
	}
	_, _, last := load.Extent(s.Load.Pacer)
	if err := load.CheckSlowdown(s.Slowdown, last); err != nil {
		return err
	}
	switch {
	case s.Partitions < 0 || s.Pods < 0 || s.Spare < 0 || s.Workers < 0 || s.Window < 0 || s.Load.Payload < 0:
		return errors.New("partitions, pods, spare pods, workers, window and payload must be above zero")
	case s.Load.Payload < ledger.IdentitySize:
		return fmt.Errorf("a payload of %d bytes cannot hold a record's identity: at least %d", s.Load.Payload, ledger.IdentitySize)
	case s.Load.Payload > maxPayload:
		return fmt.Errorf("a payload of %d bytes is more than a broker takes with its record, 1 MiB by default: at most %d", s.Load.Payload, maxPayload)
	case s.Partitions > maxPartitions:
		return fmt.Errorf("%d partitions are more than three nodes on one machine serve: at most %d", s.Partitions, maxPartitions)
	case s.Session < minSession:
		return fmt.Errorf("a session timeout of %v is too short: at least %v", s.Session, minSession)
	case s.Commit > s.Drain:
		return fmt.Errorf("the commit interval %v is longer than the drain %v", s.Commit, s.Drain)
	case s.Warmup > 0 && s.Warmup >= last:
		return fmt.Errorf("the load of %v is over before its warm-up of %v is", round(last), s.Warmup)
	}
	for _, i := range s.Injections {
		if i.At > last+time.Millisecond*100 {
			return fmt.Errorf("%s at %v comes after the load of %v: make the load longer", i.Fault.Name(), i.At, round(last))
		}
		if i.At+s.Session+settle > last+s.Drain {
			return fmt.Errorf("%s at %v cannot show within the load of %v and the drain of %v what it caused: that takes session + %v", i.Fault.Name(), i.At, round(last), s.Drain, settle)
		}
		if heal, ok := i.HealsAfter(s.Session); ok && i.At+heal > last+s.Drain {
			return fmt.Errorf("%s at %v is healed %v later, after the load of %v and the drain of %v are over", i.Fault.Name(), i.At, heal, round(last), s.Drain)
		}
	}
	if stall := s.Session + 2*s.Commit + 2*time.Second; s.Drain < stall {
		return fmt.Errorf("a drain of %v cannot tell a stall from overload: at least session + 2 x commit + 2 s = %v", s.Drain, stall)
	}
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// Info is the scenario as the report shows it.
func Info(s harness.Scenario) harness.ScenarioInfo {
	_, _, last := load.Extent(s.Load.Pacer)
	info := harness.ScenarioInfo{
		Name: s.Name, Doc: s.Doc, Pacer: s.Load.Pacer.String(), Keys: s.Load.Keys.String(), Service: s.Service.String(), Failures: load.FailuresInWords(s.Failures), Slowdown: load.SlowdownInWords(s.Slowdown),
		Payload: s.Load.Payload, Partitions: s.Partitions, Pods: s.Pods, Spare: s.Spare, Workers: s.Workers, Window: s.Window,
		Warmup: s.Warmup, Load: last, Drain: s.Drain, Commit: s.Commit, Session: s.Session,
		Thresholds: s.Thresholds, MayOverload: s.MayOverload,
	}
	for _, i := range s.Injections {
		words := fmt.Sprintf("%s at %v", i.Fault.Name(), i.At)
		if heal, ok := i.HealsAfter(s.Session); ok {
			words += fmt.Sprintf(", healed %v later", heal)
		}
		info.Faults = append(info.Faults, words)
	}
	return info
}

// Estimate is how long a run of the scenario will take with a consumer of the
// given parallelism: the load, the time it needs for the work, and the seconds
// around. It is a guess for the progress display.
func Estimate(s harness.Scenario, parallelism int) time.Duration {
	records, _, last := load.Extent(s.Load.Pacer)
	work := time.Duration(float64(records) * float64(s.Service.Mean()) / float64(max(1, min(s.Pods, s.Partitions)*parallelism)))
	end := max(last, min(work, last+s.Drain))
	for _, i := range s.Injections {
		heal, _ := i.HealsAfter(s.Session)
		end = max(end, i.At+heal, i.At+s.Session+2*time.Second)
	}
	const around = 4 * time.Second // the group forms, pods stop, the log is read and judged
	return end + around
}

// deliveries is how often a share group hands a record out at most, as Kafka has it
// by default.
const deliveries = 5

// config is what the consumer of a run is told; seeds, topic and group come
// with the cluster.
func config(s *harness.Scenario, c harness.Selection, seed uint64) (harness.Config, error) {
	cfg := harness.Config{
		Partitions: (s.Partitions + s.Pods - 1) / max(s.Pods, 1),
		Workers:    s.Workers, Window: s.Window, MaxPoll: s.MaxPoll,
		Commit: s.Commit, Session: s.Session, Heartbeat: (s.Session / 6).Truncate(time.Millisecond), // what brokers count in
		Rebalance: 2 * s.Session, Drain: s.Session / 2, Seed: seed,
		ShareLock: s.Session, DeliveryLimit: deliveries,
	}
	if err := c.Apply(&cfg); err != nil {
		return cfg, fmt.Errorf("consumer %s: %w", c.Name(), err)
	}
	return cfg, nil
}

// Describe is the consumer of a choice as the report shows it.
func Describe(s harness.Scenario, c harness.Selection) harness.ConsumerInfo {
	i := c.Implementation
	info := harness.ConsumerInfo{
		Name: c.Name(), Base: i.Name, Doc: i.Doc, Delivery: i.Delivery, Order: i.Order,
		Protocol: c.Protocol, Knobs: c.Knobs, MustFail: slices.Clone(i.MustFail),
	}
	if cfg, err := config(&s, c, 0); err == nil {
		info.Parallelism = i.ParallelismOf(cfg)
	}
	return info
}

// label is a run in one line, for errors.
func label(p *Plan) string {
	return strings.Join([]string{p.Scenario.Name, p.Consumer.Name(), fmt.Sprint(p.Repeat)}, "/")
}
