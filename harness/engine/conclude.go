package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
)

// conclusion is what the last phase works with.
type conclusion struct {
	*setup
	course *course
	saved  *Saved
}

// concludeRun replays the ledger for the checks and the metrics, and makes the result.
func concludeRun(s *setup, course *course, saved *Saved) (*Outcome, error) {
	c := &conclusion{s, course, saved}
	recorder, counter := measure.NewRecorder(c.measureConfig()), &counter{}
	facts, found, err := saved.replayChecks(recorder, counter)
	if err != nil {
		return nil, err
	}
	counts := counter.counts
	counts.Appended, counts.Clamped = facts.Log.Len(), recorder.Clamped()
	c.checkLoad(recorder.Load(), counts)
	c.checkWork(counts)
	saved.Facts.Broken = c.incidents.brokenAssumptions() // complete now, also for a judgement of the saved ledger
	verdicts, err := saved.decideVerdicts(facts, found)
	if err != nil {
		return nil, err
	}
	c.stopwatch.endPart("replay")
	latencies := recorder.Latencies()
	out, err := c.makeResult(replayed{verdicts, counts, recorder, latencies})
	if err != nil {
		return nil, err
	}
	c.keepLedger(out)
	return &Outcome{Run: *out, Latencies: latencies, Proven: c.course.stop.read.proven, WholeRead: c.course.stop.read.whole}, nil
}

// keepLedger saves the ledger beyond the run, if the plan asks for that. If it cannot, the
// run keeps its verdict, and says where the only copy is.
func (c *conclusion) keepLedger(out *harness.Run) {
	if c.KeepIn == "" || !c.KeepAll && out.Expected {
		return
	}
	saved := c.saved
	saved.Status, saved.Reasons, saved.Expected, saved.Objectives = out.Status, out.Reasons, out.Expected, out.Objectives
	saved.Assumptions, saved.Verdicts = out.Assumptions, out.Verdicts
	err := saved.saveTo(c.KeepIn)
	if err == nil {
		out.Ledger = c.KeepIn
		return
	}
	// The only copy stays where it is, for instance if a disk is full.
	if manifestErr := saved.writeManifest(saved.dir); manifestErr != nil {
		out.LedgerError = errors.Join(err, manifestErr).Error()
		return
	}
	c.scratch.keep = true
	out.Ledger, out.LedgerError = saved.dir, fmt.Sprintf("%v; it is in %s", err, saved.dir)
}

// measureConfig is what the metrics need to know in addition to the journals.
func (c *conclusion) measureConfig() measure.Config {
	_, flood := c.Scenario.Load.Pacer.(harness.Flooder)
	_, _, last := load.Extent(c.Scenario.Load.Pacer)
	cfg := measure.Config{
		Partitions: c.Scenario.FinalPartitions(), Keys: c.Scenario.Load.Keys.Count(), Warmup: c.Scenario.Warmup,
		Load: last, End: c.course.drain.end, Flood: flood, Output: c.Consumer.Implementation.Effect == harness.EffectOutput,
	}
	for n, t := range c.topics {
		if t.Role == harness.RoleDeadLetter {
			cfg.DeadLetters = append(cfg.DeadLetters, uint16(n))
		}
	}
	for _, o := range c.course.load.faults.injectedFaults() {
		cfg.Faults = append(cfg.Faults, measure.Fault{Name: o.name, From: o.injected, To: o.healed, Partitions: o.target.Partitions})
	}
	cfg.Faults = append(cfg.Faults, workFaults(&c.Scenario)...)
	return cfg
}

// FaultNames are the names of the faults in the result of a scenario, each once.
func FaultNames(s *harness.Scenario) (names []string) {
	for _, i := range s.Injections {
		names = append(names, i.Fault.Name())
	}
	for _, f := range workFaults(s) {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// workFaults are times of slow or failing work, as faults of all partitions.
func workFaults(s *harness.Scenario) (faults []measure.Fault) {
	if d := s.Slowdown; d.Factor > 0 {
		faults = append(faults, measure.Fault{Name: "slow downstream", From: d.From, To: d.To})
	}
	if f := s.Failures; f.To > 0 {
		faults = append(faults, measure.Fault{Name: "failing work", From: f.From, To: f.To})
	}
	for i := range faults {
		for p := range s.FinalPartitions() {
			faults[i].Partitions = append(faults[i].Partitions, int32(p))
		}
	}
	return faults
}
