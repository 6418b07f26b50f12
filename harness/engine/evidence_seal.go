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
	"github.com/stampede-bench/stampede/harness/oracle"
)

// evidence is what a run leaves behind for the oracle.
type evidence struct {
	*setup
	course *course
}

// sealEvidence completes and seals the journals and makes a ledger of them, with all that
// the oracle needs to know about the run.
func sealEvidence(s *setup, c *course) (*Saved, error) {
	e := &evidence{s, c}
	if err := e.writeIntervals(); err != nil {
		return nil, err
	}
	e.stopwatch.endPart("final read")
	if err := errors.Join(e.sends.Close(), e.observed.Close()); err != nil {
		return nil, err
	}
	saved := &Saved{
		Version: savedVersion, Scenario: e.Scenario.Name, Consumer: e.Consumer.Name(), Backend: e.Backend.Name(),
		Repeat: e.Repeat, Seed: e.Seed, Command: e.Command, Settings: e.settings(),
		Epoch: e.course.load.time.start, Facts: e.facts(), dir: e.scratch.dir,
	}
	var journals []SavedJournal
	journals, saved.Unbegun = e.listJournals()
	for _, j := range journals {
		sealed, err := e.course.stop.sealing.sealJournal(saved.journalPath(j))
		if err != nil {
			return nil, err
		}
		j.Slots, j.Torn, j.Digest, j.floors = sealed.Slots, sealed.Torn, sealed.Digest, sealed.Floors
		switch j.File {
		case sendsJournal:
			j.floors = e.sends.Floors()
		case observedJournal:
			j.floors = e.observed.Floors()
		}
		saved.Journals = append(saved.Journals, j)
	}
	e.stopwatch.endPart("seal")
	return saved, nil
}

// listJournals are the journals of the run, the final read last, and the incarnations that
// left none.
func (e *evidence) listJournals() (journals []SavedJournal, unbegun []string) {
	now := e.clock.Now()
	journals = []SavedJournal{{File: sendsJournal, Reaped: now}, {File: observedJournal, Reaped: now}}
	for _, in := range e.fleet.Incarnations() {
		name := harness.ClientID(in.Pod, in.N)
		if _, err := os.Stat(in.Journal); errors.Is(err, fs.ErrNotExist) {
			if e.work.hasJournal(in.Owner) {
				e.incidents.breakAssumption(oracle.LedgerComplete, fmt.Sprintf("the journal of %s was removed", name))
			}
			unbegun = append(unbegun, name)
			continue
		}
		journals = append(journals, SavedJournal{File: filepath.Base(in.Journal), Reaped: in.Down})
	}
	if len(e.topics) > 1 {
		journals = append(journals, SavedJournal{File: copiesJournal, Reaped: now})
	}
	return append(journals, SavedJournal{File: appendedJournal, Reaped: now}), unbegun
}

// facts are what the oracle needs to know in addition to the journals.
func (e *evidence) facts() oracle.Facts {
	i := e.Consumer.Implementation
	f := oracle.Facts{
		Delivery: i.Delivery, Order: i.Order, Redelivery: i.Redelivery, Protocol: e.cfg.Protocol, Effect: i.Effect, Share: i.Share,
		DeadLetters: i.DeadLetterPolicyOf(e.soloConfig()), Parallelism: i.ParallelismOf(e.soloConfig()),
		Buffering: i.BufferingOf(e.soloConfig()), ValueSize: e.Scenario.Load.Payload,
		Producer:   e.Scenario.Producer,
		Partitions: e.Scenario.FinalPartitions(), Added: e.Scenario.AddedPartitions(), Final: e.course.stop.commits[0],
		Session: e.cfg.Session, Heartbeat: e.cfg.Heartbeat, Commit: e.cfg.Commit, Lock: e.cfg.ShareLock, Deliveries: e.cfg.DeliveryLimit,
		DrainEnd: e.course.drain.end, Limits: e.limits(), Aggressors: aggressors(&e.Scenario),
		Owners: []string{""}, Ends: map[ledger.Owner]string{},
	}
	f.Volatile = f.Share && isReal(e.Backend)
	if !seesWire(e.cluster) {
		f.Unobserved = oracle.WireChecks()
	}
	for n, t := range e.topics[1:] {
		f.Sides = append(f.Sides, oracle.Side{Name: t.Name, Role: t.Role, Partitions: t.Partitions, Final: e.course.stop.commits[n+1]})
	}
	for _, o := range e.course.load.faults.injectedFaults() {
		f.Faults = append(f.Faults, o.name)
	}
	for _, t := range e.incidents.allTruncations() {
		t.Began, t.Elected = e.course.load.time.sinceStart(int64(t.Began)), e.course.load.time.sinceStart(int64(t.Elected))
		f.Truncations = append(f.Truncations, t)
	}
	for _, in := range e.fleet.Incarnations() {
		f.Owners = append(f.Owners, harness.ClientID(in.Pod, in.N))
		if in.Reason != "" && in.Intended {
			f.Ends[in.Owner] = in.Reason
		}
	}
	return f
}

// isReal reports whether the brokers of a back end are those of Kafka.
func isReal(b harness.Backend) bool {
	d, ok := b.(harness.Describer)
	return ok && !d.Modelled()
}

// seesWire reports whether a cluster shows what clients and brokers send each other.
func seesWire(c harness.Cluster) bool {
	_, byItself := c.(harness.GroupObserver)
	_, onWire := c.(harness.WireObserver)
	return byItself || onWire
}

// soloConfig is the configuration of a pod that owns all partitions, as a pod may while
// all others are down.
func (e *evidence) soloConfig() harness.Config {
	cfg := e.cfg
	cfg.Partitions = e.Scenario.FinalPartitions()
	return cfg
}

// aggressors are the keys of a scenario whose effect on all other keys is measured.
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

// settings are what a reader of a saved ledger may want to know about its run.
func (e *evidence) settings() (list []harness.Setting) {
	info := Info(e.Scenario)
	set := func(name string, value any) {
		list = append(list, harness.Setting{Name: name, Value: fmt.Sprint(value)})
	}
	if info.Profile != "" {
		set("profile", info.Profile)
	}
	set("load", info.Pacer)
	set("keys", info.Keys)
	set("service", info.Service)
	set("partitions", info.Partitions)
	set("pods", info.Pods)
	set("workers", e.cfg.Workers)
	set("window", e.cfg.Window)
	set("commit", e.cfg.Commit)
	set("session", e.cfg.Session)
	if info.Objectives != "" {
		set("objectives", info.Objectives)
	}
	for _, f := range info.Faults {
		set("fault", f)
	}
	for _, name := range slices.Sorted(maps.Keys(e.cfg.Knobs)) {
		set("knob "+name, e.cfg.Knobs[name])
	}
	return list
}
