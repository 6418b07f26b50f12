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

// sealEvidence completes and seals the journals and makes a ledger of them, with all that
// the oracle needs to know about the run.
func (s *setup) sealEvidence(c *course) (*Saved, error) {
	if err := s.writeIntervals(c); err != nil {
		return nil, err
	}
	s.stopwatch.endStage("final read")
	if err := errors.Join(s.sends.Close(), s.observed.Close()); err != nil {
		return nil, err
	}
	saved := &Saved{
		Version: savedVersion, Scenario: s.Scenario.Name, Consumer: s.Consumer.Name(), Backend: s.Backend.Name(),
		Repeat: s.Repeat, Seed: s.Seed, Command: s.Command, Settings: s.settings(),
		Epoch: c.load.time.start, Facts: s.facts(c), dir: s.scratch.dir,
	}
	var journals []SavedJournal
	journals, saved.Unbegun = s.listJournals()
	for _, j := range journals {
		sealed, err := ledger.Seal(saved.journalPath(j))
		if err != nil {
			return nil, err
		}
		j.Slots, j.Torn, j.Digest = sealed.Slots, sealed.Torn, sealed.Digest
		saved.Journals = append(saved.Journals, j)
	}
	s.stopwatch.endStage("seal")
	return saved, nil
}

// listJournals are the journals of the run, the final read last, and the incarnations that
// left none.
func (s *setup) listJournals() (journals []SavedJournal, unbegun []string) {
	now := s.clock.Now()
	journals = []SavedJournal{{File: sendsJournal, Reaped: now}, {File: observedJournal, Reaped: now}}
	for _, in := range s.fleet.Incarnations() {
		name := harness.ClientID(in.Pod, in.N)
		if _, err := os.Stat(in.Journal); errors.Is(err, fs.ErrNotExist) {
			if s.work.hasJournal(in.Owner) {
				s.incidents.breakAssumption(oracle.LedgerComplete, fmt.Sprintf("the journal of %s was removed", name))
			}
			unbegun = append(unbegun, name)
			continue
		}
		journals = append(journals, SavedJournal{File: filepath.Base(in.Journal), Reaped: in.Down})
	}
	if len(s.topics) > 1 {
		journals = append(journals, SavedJournal{File: copiesJournal, Reaped: now})
	}
	return append(journals, SavedJournal{File: appendedJournal, Reaped: now}), unbegun
}

// facts are what the oracle needs to know in addition to the journals.
func (s *setup) facts(c *course) oracle.Facts {
	i := s.Consumer.Implementation
	f := oracle.Facts{
		Delivery: i.Delivery, Order: i.Order, Protocol: s.cfg.Protocol, Effect: i.Effect, Share: i.Share,
		DeadLetters: i.DeadLetterPolicyOf(s.soloConfig()), Parallelism: i.ParallelismOf(s.soloConfig()),
		Partitions: s.Scenario.Partitions, Final: c.stop.commits[0],
		Session: s.cfg.Session, Heartbeat: s.cfg.Heartbeat, Commit: s.cfg.Commit, Lock: s.cfg.ShareLock, Deliveries: s.cfg.DeliveryLimit,
		DrainEnd: c.drain.end, Thresholds: s.Scenario.Thresholds, Aggressors: aggressors(&s.Scenario),
		Owners: []string{""},
	}
	if _, sees := s.cluster.(harness.GroupObserver); !sees {
		f.Unobserved = oracle.AckChecks
	}
	for n, t := range s.topics[1:] {
		f.Sides = append(f.Sides, oracle.Side{Name: t.Name, Role: t.Role, Partitions: t.Partitions, Final: c.stop.commits[n+1]})
	}
	for _, o := range c.load.faults.injectedFaults() {
		f.Faults = append(f.Faults, o.name)
	}
	for _, in := range s.fleet.Incarnations() {
		f.Owners = append(f.Owners, harness.ClientID(in.Pod, in.N))
	}
	return f
}

// soloConfig is the configuration of a pod that owns all partitions, as a pod may while
// all others are down.
func (s *setup) soloConfig() harness.Config {
	cfg := s.cfg
	cfg.Partitions = s.Scenario.Partitions
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
func (s *setup) settings() (list []harness.Setting) {
	info := Info(s.Scenario)
	set := func(name string, value any) {
		list = append(list, harness.Setting{Name: name, Value: fmt.Sprint(value)})
	}
	set("load", info.Pacer)
	set("keys", info.Keys)
	set("service", info.Service)
	set("partitions", info.Partitions)
	set("pods", info.Pods)
	set("workers", s.cfg.Workers)
	set("window", s.cfg.Window)
	set("commit", s.cfg.Commit)
	set("session", s.cfg.Session)
	for _, f := range info.Faults {
		set("fault", f)
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Knobs)) {
		set("knob "+name, s.cfg.Knobs[name])
	}
	return list
}
