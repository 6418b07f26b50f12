package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// replayed is what the replay of a ledger has found.
type replayed struct {
	verdicts  []harness.Verdict // without that on pod liveness
	counts    harness.Counts
	recorder  *measure.Recorder
	latencies *measure.Latencies
}

// makeResult makes the result of a run.
func (c *conclusion) makeResult(found replayed) (*harness.Run, error) {
	rec := found.recorder
	out := &harness.Run{
		Scenario: c.Scenario.Name, Consumer: c.Consumer.Name(), Repeat: c.Repeat, Seed: c.Seed, Command: c.Command,
		Started: c.started, Took: time.Since(c.started).Round(time.Millisecond), Parts: c.stopwatch.parts,
		Verdicts: append([]harness.Verdict{c.checkLiveness()}, found.verdicts...),
		Load:     rec.Load(), Phases: rec.Phases(), Stages: rec.Stages(), Series: rec.Series(), Host: c.course.load.host, Pods: c.fleet.Usage(),
		Emptied:   rec.Emptied(),
		Completed: rec.CompletedWhileLoaded(), Rebalances: max(0, c.watcher.Changes()-c.course.group.changes),
		Faults: faultReports(rec, c.course.load.faults.injectedFaults()),
	}
	out.EndToEnd = found.latencies.Set(measure.PhaseAll).EndToEnd
	_, _, out.LoadEnd = load.Extent(c.Scenario.Load.Pacer)
	if mean := rec.MeanService(); mean > 0 {
		parallel := min(c.Scenario.Pods, c.Scenario.Partitions) * c.Consumer.Implementation.ParallelismOf(c.cfg)
		out.Bound = float64(parallel) / mean.Seconds()
	}
	out.Counts = found.counts
	if err := countVerdicts(&out.Counts, out.Verdicts); err != nil {
		return nil, err
	}
	out.Saturated = Saturation(&c.Scenario, c.Backend, out.Host)
	out.Assumptions = c.judgeAssumptions(out)
	if err := c.judgeObjectives(out, found.latencies); err != nil {
		return nil, err
	}
	c.decideStatus(out)
	return out, nil
}

// countVerdicts fills in the counts that verdicts have.
func countVerdicts(counts *harness.Counts, verdicts []harness.Verdict) error {
	for _, from := range []struct {
		check string
		to    *int64
	}{
		{oracle.CheckLoss, &counts.Lost},
		{oracle.CheckLostByBroker, &counts.BrokerLost},
		{oracle.CheckStall, &counts.Unfinished},
		{oracle.CheckOverload, &counts.Unfinished},
		{oracle.CheckRedelivery, &counts.Redelivered},
		{oracle.CheckUnexplainedDuplicate, &counts.Unexplained},
		{oracle.CheckKeyInversion, &counts.Inversions},
		{oracle.CheckOverlap, &counts.Overlaps},
	} {
		v := findVerdict(verdicts, from.check)
		if v == nil {
			return fmt.Errorf("the oracle has no verdict of the check %q", from.check)
		}
		*from.to += v.Count
	}
	return nil
}

// findVerdict is the verdict of a check, nil for none.
func findVerdict(verdicts []harness.Verdict, check string) *harness.Verdict {
	i := slices.IndexFunc(verdicts, func(v harness.Verdict) bool { return v.Check == check })
	if i < 0 {
		return nil
	}
	return &verdicts[i]
}

// faultReports are the metrics of the faults, with their targets.
func faultReports(rec *measure.Recorder, faults []injectedFault) []harness.FaultReport {
	reports := rec.Faults()
	for i, o := range faults {
		reports[i].Target, reports[i].WorkInFlight = o.target.Name, o.workInFlight
	}
	return reports
}
