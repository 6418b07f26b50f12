package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/pod"
)

// The assumptions, as the oracle names them.
const (
	loadDelivered   = oracle.LoadDelivered
	faultHappened   = oracle.FaultHappened
	inHand          = oracle.WorkInHand
	groupFormed     = oracle.GroupFormed
	observersKeptUp = oracle.ObserversKeptUp
	ledgerComplete  = oracle.LedgerComplete
	podsFed         = oracle.PodsFed
	drainEnded      = oracle.DrainEnded
)

// aliveCheck is the check that every pod ran until it was told to stop, and
// then did.
const aliveCheck = "alive"

func (r *run) result(verdicts []harness.Verdict, counts harness.Counts, rec *measure.Recorder) harness.Run {
	counts.Clamped = rec.Clamped()
	out := harness.Run{
		Scenario: r.Scenario.Name, Consumer: r.Consumer.Name(), Repeat: r.Repeat, Seed: r.Seed,
		Started: r.started, Took: time.Since(r.started).Round(time.Millisecond),
		Verdicts: append([]harness.Verdict{r.alive()}, verdicts...),
		Load:     rec.Load(), Phases: rec.Phases(), Series: rec.Series(), Host: r.hostLoad, Pods: r.pods(),
		Completed: rec.CompletedWhileLoaded(), Rebalances: max(0, r.watcher.Changes()-r.formed),
		Faults: r.faultReports(rec),
	}
	if mean := rec.MeanService(); mean > 0 {
		parallel := min(r.Scenario.Pods, r.Scenario.Partitions) * r.Consumer.Implementation.ParallelismOf(r.cfg)
		out.Bound = float64(parallel) / mean.Seconds()
	}
	count := func(check string) int64 { return out.Verdicts[indexOf(out.Verdicts, check)].Count }
	counts.Lost, counts.BrokerLost = count("loss"), count("lost by broker")
	counts.Unfinished = count("stall") + count("overload")
	counts.Explained, counts.Unexplained = count("explained duplicate"), count("unexplained duplicate")
	counts.Inversions, counts.Overlaps = count("inversion"), count("overlap")
	out.Counts = counts
	r.judgeLoad(&out)
	oracle.Unproven(r.broken, out.Verdicts[1:]) // the first judges the pods themselves
	out.Assumptions = r.assumptions(&out)
	r.settle(&out)
	return out
}

func indexOf(vs []harness.Verdict, check string) int {
	return slices.IndexFunc(vs, func(v harness.Verdict) bool { return v.Check == check })
}

// alive judges the pods themselves.
func (r *run) alive() harness.Verdict {
	v := harness.Verdict{Check: aliveCheck, HeldTo: "running until told to stop", Status: harness.Pass}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.exits {
		v.Status, v.Count = harness.Fail, v.Count+1
		v.Examples = append(v.Examples, harness.Anomaly{
			Text: fmt.Sprintf("ended by itself: %s; it said: %s", in.Exit, tail(in.Stderr)),
			Pods: []string{harness.ClientID(in.Pod, in.N)}, At: r.since(in.Down),
		})
	}
	deaf := func(name string, told int64) {
		v.Status, v.Count = harness.Fail, v.Count+1
		v.Examples = append(v.Examples, harness.Anomaly{
			Text: fmt.Sprintf("did not stop within %v of being told to, and was killed", r.cfg.Drain+pod.StopGrace),
			Pods: []string{name}, At: r.since(told),
		})
	}
	for _, in := range r.fleet.Incarnations() {
		if in.Deaf {
			deaf(harness.ClientID(in.Pod, in.N), in.Told)
		}
	}
	for _, name := range r.unstopped {
		deaf(name, r.stopAsked)
	}
	return v
}

func (r *run) pods() []harness.PodReport {
	reports := r.fleet.Usage()
	for i := range reports {
		reports[i].Stderr = tail(reports[i].Stderr)
	}
	return reports
}

func (r *run) faultReports(rec *measure.Recorder) []harness.FaultReport {
	reports := rec.Faults()
	for i, o := range r.faults.outcomes() {
		reports[i].Target, reports[i].WorkInHand = o.hit.Target, o.inHand
	}
	return reports
}

// judgeLoad breaks "load delivered" where the producer was late or did not
// send it all.
func (r *run) judgeLoad(out *harness.Run) {
	limit := r.Scenario.Thresholds.Lateness
	if late := out.Load.Lateness; !out.Load.Flood && late.P99 > limit {
		r.doubt(loadDelivered, fmt.Sprintf("the producer was late: p99 %v, at most %v is allowed (max %v)",
			late.P99.Round(time.Millisecond), limit, late.Max.Round(time.Millisecond)))
	}
	if out.Counts.Failed > 0 {
		r.doubt(loadDelivered, fmt.Sprintf("%d of %d records could not be sent", out.Counts.Failed, out.Counts.Sent))
	}
	if out.Counts.Sent == 0 && r.broken[groupFormed] == "" {
		r.doubt(loadDelivered, "nothing was sent")
	}
}

func (r *run) assumptions(out *harness.Run) (list []harness.Assumption) {
	held := map[string]string{
		groupFormed:     fmt.Sprintf("%d pods shared %d partitions before the first record was due", min(r.Scenario.Pods, r.Scenario.Partitions), r.Scenario.Partitions),
		loadDelivered:   fmt.Sprintf("lateness p99 %v, allowed %v", out.Load.Lateness.P99.Round(10*time.Microsecond), r.Scenario.Thresholds.Lateness),
		faultHappened:   fmt.Sprintf("%d of %d injected and verified", len(out.Faults), len(r.Scenario.Injections)),
		inHand:          "not asked",
		podsFed:         "the group dropped no living pod",
		observersKeptUp: "commits and owners were seen throughout",
		drainEnded:      fmt.Sprintf("after %v", r.drainEnd.Round(time.Millisecond)),
		ledgerComplete:  fmt.Sprintf("%d records in the final read; %d slots torn by kills, which say nothing", out.Counts.Landed, r.torn),
	}
	if out.Load.Flood {
		held[loadDelivered] = "all due at once"
	}
	if need := r.needInHand(); need > 0 && len(out.Faults) > 0 {
		held[inHand] = fmt.Sprintf("%v, at least %v", out.Faults[0].WorkInHand.Round(time.Millisecond), need)
	}
	for _, name := range oracle.Assumptions {
		a := harness.Assumption{Name: name, Held: true, Detail: held[name]}
		if why, broken := r.broken[name]; broken {
			a.Held, a.Detail = false, why
		}
		list = append(list, a)
	}
	return list
}

// needInHand is how much work the struck pod must hold.
func (r *run) needInHand() time.Duration {
	return time.Duration(r.Scenario.Thresholds.WorkInHand * float64(r.cfg.Commit))
}

// settle gives the run its status: a claim broken beats a broken assumption,
// which beats overload.
func (r *run) settle(out *harness.Run) {
	var failed, doubts []string
	for _, v := range out.Verdicts {
		switch v.Status {
		case harness.Fail:
			failed = append(failed, fmt.Sprintf("%s: %d", v.Check, v.Count))
		case harness.Pass, harness.Figure, harness.NotObserved, harness.Inconclusive:
		}
	}
	for _, a := range out.Assumptions {
		if !a.Held {
			doubts = append(doubts, a.Name+": "+a.Detail)
		}
	}
	if share := r.Scenario.Thresholds.OfBound; share > 0 && !r.Consumer.Implementation.Idles && len(doubts) == 0 && out.Completed < share*out.Bound {
		failed = append(failed, fmt.Sprintf("threshold: completed %.0f/s, less than %.0f %% of the bound %.0f/s", out.Completed, 100*share, out.Bound))
	}
	overload := out.Verdicts[indexOf(out.Verdicts, "overload")]
	switch {
	case len(failed) > 0:
		out.Status, out.Reasons = harness.Fail, append(failed, doubts...)
	case len(doubts) > 0:
		out.Status, out.Reasons = harness.Inconclusive, doubts
	case overload.Count > 0:
		out.Status, out.Reasons = harness.Overload, []string{overload.Detail}
	default:
		out.Status = harness.Pass
	}
	out.Expected = r.expected(out)
}

// expected reports whether the status is fine for the exit status.
func (r *run) expected(out *harness.Run) bool {
	if i := r.Consumer.Implementation; i.Control() {
		for _, must := range i.MustFail {
			if must.Scenario != out.Scenario {
				continue
			}
			if k := indexOf(out.Verdicts, must.Check); k < 0 || out.Verdicts[k].Status != harness.Fail {
				if out.Status != harness.Inconclusive {
					out.Reasons = append([]string{fmt.Sprintf("control: %s was to fail here and did not", must.Check)}, out.Reasons...)
					out.Status = harness.Fail
				}
				return false
			}
		}
		return out.Status != harness.Inconclusive
	}
	switch out.Status {
	case harness.Pass, harness.Skipped:
		return true
	case harness.Overload:
		return r.Scenario.MayOverload
	default:
		return false
	}
}
