package engine

import (
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
)

// concludeRun replays the ledger for the checks and the metrics, and makes the result.
func (s *setup) concludeRun(c *course, saved *Saved) (*Outcome, error) {
	recorder, counter := measure.NewRecorder(s.measureConfig(c)), &counter{}
	facts, found, err := saved.replayChecks(recorder, counter)
	if err != nil {
		return nil, err
	}
	counts := counter.counts
	counts.Appended, counts.Clamped = facts.Log.Len(), recorder.Clamped()
	s.checkLoad(recorder.Load(), counts)
	s.checkWork(counts)
	saved.Facts.Broken = s.incidents.brokenAssumptions() // complete now, and also for whoever judges the ledger again
	verdicts, err := saved.decideVerdicts(facts, found)
	if err != nil {
		return nil, err
	}
	s.stopwatch.endStage("replay")
	out, err := s.makeResult(c, saved, replayed{verdicts, counts, recorder})
	if err != nil {
		return nil, err
	}
	if err := s.keepLedger(saved, out); err != nil {
		return nil, err
	}
	return &Outcome{Run: *out, Latencies: recorder.Latencies(), Stages: s.stopwatch.stages}, nil
}

// keepLedger saves the ledger beyond the run, if the plan asks for that.
func (s *setup) keepLedger(saved *Saved, out *harness.Run) error {
	if s.KeepIn == "" || !s.KeepAll && out.Expected {
		return nil
	}
	saved.Status, saved.Reasons, saved.Expected, saved.Unmet = out.Status, out.Reasons, out.Expected, s.unmetThreshold(out)
	saved.Assumptions, saved.Verdicts = out.Assumptions, out.Verdicts
	err := saved.saveTo(s.KeepIn)
	if err == nil {
		out.Ledger = s.KeepIn
		return nil
	}
	// The only copy stays where it is, for instance if a disk is full.
	if manifestErr := saved.writeManifest(saved.dir); manifestErr != nil {
		return errors.Join(err, manifestErr)
	}
	s.scratch.keep = true
	return fmt.Errorf("%w; it is in %s", err, saved.dir)
}

// measureConfig is what the metrics need to know in addition to the journals.
func (s *setup) measureConfig(c *course) measure.Config {
	_, flood := s.Scenario.Load.Pacer.(harness.Flooder)
	_, _, last := load.Extent(s.Scenario.Load.Pacer)
	cfg := measure.Config{
		Partitions: s.Scenario.Partitions, Keys: s.Scenario.Load.Keys.Count(), Warmup: s.Scenario.Warmup,
		Load: last, End: c.drain.end, Flood: flood, Output: s.Consumer.Implementation.Effect == harness.EffectOutput,
	}
	for n, t := range s.topics {
		if t.Role == harness.RoleDeadLetter {
			cfg.DeadLetters = append(cfg.DeadLetters, uint16(n))
		}
	}
	for _, o := range c.load.faults.injectedFaults() {
		cfg.Faults = append(cfg.Faults, measure.Fault{Name: o.name, From: o.injected, To: o.healed, Partitions: o.target.Partitions})
	}
	if d := s.Scenario.Slowdown; d.Factor > 0 { // like a fault of all partitions, after the injected ones
		all := measure.Fault{Name: "slow downstream", From: d.From, To: d.To}
		for p := range s.Scenario.Partitions {
			all.Partitions = append(all.Partitions, int32(p))
		}
		cfg.Faults = append(cfg.Faults, all)
	}
	return cfg
}
