package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// judge replays the ledger for the checks and the measures, and fills the result.
func (r *run) judge() (*Outcome, error) {
	if err := r.writeWindows(); err != nil {
		return nil, err
	}
	r.stage("final read")
	saved, err := r.seal()
	if err != nil {
		return nil, err
	}
	r.stage("seal")
	recorder, counts := measure.NewRecorder(r.measures()), &counter{}
	facts, found, err := saved.look(recorder, counts)
	if err != nil {
		return nil, err
	}
	counts.counts.Appended = facts.Log.Len()
	r.judgeLoad(recorder.Load(), counts.counts)
	r.judgeWork(counts.counts)
	saved.Facts.Broken = maps.Clone(r.broken) // all that is known by now, for whoever judges it again too
	verdicts, err := saved.settle(facts, found)
	if err != nil {
		return nil, err
	}
	r.stage("replay")
	out := r.result(verdicts, counts.counts, recorder)
	out.Command = r.Command
	if r.KeepIn != "" && (r.KeepAll || !out.Expected) {
		saved.Status, saved.Reasons, saved.Expected, saved.Unmet = out.Status, out.Reasons, out.Expected, r.unmet(&out)
		saved.Assumptions, saved.Verdicts = out.Assumptions, out.Verdicts
		if err := r.keep(saved); err != nil {
			return nil, err
		}
		out.Ledger = r.KeepIn
	}
	return &Outcome{Run: out, Latencies: recorder.Latencies(), Stages: r.stages}, nil
}

// keep saves the ledger beyond the run. Where that fails, as on a full disk, it is
// left where it is: there is no other.
func (r *run) keep(saved *Saved) error {
	err := saved.saveTo(r.KeepIn)
	if err == nil {
		return nil
	}
	if manifestErr := saved.writeManifest(saved.dir); manifestErr != nil {
		return errors.Join(err, manifestErr)
	}
	r.scratch.keep = true
	return fmt.Errorf("%w; it is in %s", err, saved.dir)
}

// writeWindows notes the lives of the pods and the windows of the faults.
func (r *run) writeWindows() error {
	if err := r.judgeExpulsions(); err != nil {
		return err
	}
	for _, in := range r.fleet.Incarnations() {
		up := ledger.NewSlot(ledger.KindUp, in.Owner).With(ledger.OutcomeConfirmed)
		up.SetAt(in.Up)
		down := ledger.NewSlot(ledger.KindDown, in.Owner).With(ledger.OutcomeConfirmed)
		down.SetAt(in.Down)
		if err := errors.Join(r.observed.Append(up), r.observed.Append(down)); err != nil {
			return err
		}
	}
	for i, o := range r.faults.outcomes() {
		inject := ledger.NewSlot(ledger.KindInject, o.owner).With(ledger.OutcomeConfirmed)
		inject.Partition = o.upon()
		inject.SetFault(uint32(i), r.start+int64(o.injected))
		err := r.observed.Append(inject)
		if o.healed != harness.Never {
			heal := ledger.NewSlot(ledger.KindHeal, o.owner).With(ledger.OutcomeConfirmed)
			heal.Partition = o.upon()
			heal.SetFault(uint32(i), r.start+int64(o.healed))
			err = errors.Join(err, r.observed.Append(heal))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// seal ends all journals and makes a ledger of them.
func (r *run) seal() (*Saved, error) {
	if err := errors.Join(r.sends.Close(), r.observed.Close()); err != nil {
		return nil, err
	}
	s := &Saved{
		Version: savedVersion, Scenario: r.Scenario.Name, Consumer: r.Consumer.Name(), Backend: r.Backend.Name(),
		Repeat: r.Repeat, Seed: r.Seed, Command: r.Command, Settings: r.settings(),
		Epoch: r.start, Facts: r.facts(), dir: r.scratch.dir,
	}
	now := r.clock.Now()
	journals := []SavedJournal{{File: sendsJournal, Reaped: now}, {File: observedJournal, Reaped: now}}
	for _, in := range r.fleet.Incarnations() {
		if _, err := os.Stat(in.Journal); errors.Is(err, fs.ErrNotExist) {
			if r.live.followed(in.Owner) {
				r.doubt(ledgerComplete, fmt.Sprintf("the journal of %s is gone", harness.ClientID(in.Pod, in.N)))
			}
			s.Unbegun = append(s.Unbegun, harness.ClientID(in.Pod, in.N))
			continue // it ended before it could begin, or after that its journal was removed
		}
		journals = append(journals, SavedJournal{File: filepath.Base(in.Journal), Reaped: in.Down})
	}
	if len(r.topics) > 1 {
		journals = append(journals, SavedJournal{File: copiesJournal, Reaped: now})
	}
	for _, j := range append(journals, SavedJournal{File: landedJournal, Reaped: now}) {
		sealed, err := ledger.Seal(s.path(j))
		if err != nil {
			return nil, err
		}
		j.Slots, j.Torn, j.Digest = sealed.Slots, sealed.Torn, sealed.Digest
		s.Journals = append(s.Journals, j)
		r.torn += sealed.Torn
	}
	return s, nil
}

// settings are what a reader of a saved ledger may want to know of its run.
func (r *run) settings() (list []harness.Setting) {
	info := Info(r.Scenario)
	set := func(name string, value any) {
		list = append(list, harness.Setting{Name: name, Value: fmt.Sprint(value)})
	}
	set("load", info.Pacer)
	set("keys", info.Keys)
	set("service", info.Service)
	set("partitions", info.Partitions)
	set("pods", info.Pods)
	set("workers", r.cfg.Workers)
	set("window", r.cfg.Window)
	set("commit", r.cfg.Commit)
	set("session", r.cfg.Session)
	for _, f := range info.Faults {
		set("fault", f)
	}
	for _, name := range slices.Sorted(maps.Keys(r.cfg.Knobs)) {
		set("knob "+name, r.cfg.Knobs[name])
	}
	return list
}

// alone is the configuration of a pod to which all partitions fall, as they may while
// others are gone.
func (r *run) alone() harness.Config {
	cfg := r.cfg
	cfg.Partitions = r.Scenario.Partitions
	return cfg
}

func (r *run) facts() oracle.Facts {
	i := r.Consumer.Implementation
	f := oracle.Facts{
		Delivery: i.Delivery, Order: i.Order, Protocol: r.cfg.Protocol, Effect: i.Effect, Share: i.Share,
		DeadLetters: i.DeadLetterPolicyOf(r.alone()), Parallelism: i.ParallelismOf(r.alone()),
		Partitions: r.Scenario.Partitions, Final: r.final[0],
		Session: r.cfg.Session, Heartbeat: r.cfg.Heartbeat, Commit: r.cfg.Commit, Lock: r.cfg.ShareLock, Deliveries: r.cfg.DeliveryLimit,
		DrainEnd: r.drainEnd, Thresholds: r.Scenario.Thresholds, Aggressors: aggressors(&r.Scenario),
		Owners: []string{""},
	}
	if _, sees := r.cluster.(harness.GroupObserver); !sees {
		f.Unobserved = oracle.AckChecks
	}
	for n, t := range r.topics[1:] {
		f.Sides = append(f.Sides, oracle.Side{Name: t.Name, Role: t.Role, Partitions: t.Partitions, Final: r.final[n+1]})
	}
	for _, o := range r.faults.outcomes() {
		f.Faults = append(f.Faults, o.name)
	}
	for _, in := range r.fleet.Incarnations() {
		f.Owners = append(f.Owners, harness.ClientID(in.Pod, in.N))
	}
	return f
}

// aggressors are the keys of a scenario whose effect on all others is measured.
func aggressors(s *harness.Scenario) []uint32 {
	if _, flood := s.Load.Pacer.(harness.Flooder); flood {
		return nil
	}
	keys := slices.Clone(s.Failures.Keys)
	if h, ok := s.Load.Keys.(harness.Heavy); ok {
		keys = append(keys, h.Heavy()...)
	}
	return keys
}

func (r *run) measures() measure.Config {
	_, flood := r.Scenario.Load.Pacer.(harness.Flooder)
	_, _, last := load.Extent(r.Scenario.Load.Pacer)
	cfg := measure.Config{
		Partitions: r.Scenario.Partitions, Keys: r.Scenario.Load.Keys.Count(), Warmup: r.Scenario.Warmup,
		Load: last, End: r.drainEnd, Flood: flood, Output: r.Consumer.Implementation.Effect == harness.EffectOutput,
	}
	for n, t := range r.topics {
		if t.Role == harness.RoleDeadLetter {
			cfg.DeadLetters = append(cfg.DeadLetters, uint16(n))
		}
	}
	for _, o := range r.faults.outcomes() {
		cfg.Faults = append(cfg.Faults, measure.Fault{Name: o.name, From: o.injected, To: o.healed, Partitions: o.hit.Partitions})
	}
	if s := r.Scenario.Slowdown; s.Factor > 0 { // as a fault of all partitions, behind those injected
		all := measure.Fault{Name: "slow downstream", From: s.From, To: s.To}
		for p := range r.Scenario.Partitions {
			all.Partitions = append(all.Partitions, int32(p))
		}
		cfg.Faults = append(cfg.Faults, all)
	}
	return cfg
}
