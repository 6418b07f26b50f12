package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/pod"
)

// The assumptions, as the oracle names them.
const (
	loadDelivered   = oracle.LoadDelivered
	faultHappened   = oracle.FaultTookEffect
	inHand          = oracle.WorkInFlight
	groupFormed     = oracle.GroupFormed
	observersKeptUp = oracle.ObserversKeptUp
	ledgerComplete  = oracle.LedgerComplete
	podsFed         = oracle.NoPodStarved
	drainEnded      = oracle.DrainEnded
	workDone        = oracle.WorkDone
)

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
	counts.Lost, counts.BrokerLost = count(oracle.CheckLoss), count(oracle.CheckLostByBroker)
	counts.Unfinished = count(oracle.CheckStall) + count(oracle.CheckOverload)
	counts.Redelivered, counts.Unexplained = count(oracle.CheckRedelivery), count(oracle.CheckUnexplainedDuplicate)
	counts.Inversions, counts.Overlaps = count(oracle.CheckKeyInversion), count(oracle.CheckOverlap)
	out.Counts = counts
	out.Assumptions = r.assumptions(&out)
	r.settle(&out)
	return out
}

func indexOf(vs []harness.Verdict, check string) int {
	return slices.IndexFunc(vs, func(v harness.Verdict) bool { return v.Check == check })
}

// alive judges the pods themselves.
func (r *run) alive() harness.Verdict {
	v := harness.Verdict{Check: oracle.CheckPodLiveness, HeldTo: "running in the group until told to stop", Status: harness.Pass}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.exits {
		v.Status, v.Count = harness.Fail, v.Count+1
		v.Examples = append(v.Examples, harness.Anomaly{
			Text: fmt.Sprintf("ended by itself: %s; it said: %s", in.Exit, tail(in.Stderr)),
			Pods: []string{harness.ClientID(in.Pod, in.N)}, At: r.since(in.Down),
		})
	}
	if len(r.dropouts) > 0 {
		v.Status, v.Count, v.Examples = harness.Fail, v.Count+int64(len(r.dropouts)), append(v.Examples, r.dropouts...)
	}
	deaf := func(name string, told int64) {
		v.Status, v.Count = harness.Fail, v.Count+1
		v.Examples = append(v.Examples, harness.Anomaly{
			Text: fmt.Sprintf("did not stop within %v of being told to, and was killed", r.cfg.Drain+pod.StopGrace),
			Pods: []string{name}, At: r.since(told),
		})
	}
	for _, in := range r.fleet.Incarnations() {
		if in.Unresponsive {
			deaf(harness.ClientID(in.Pod, in.N), in.StopRequestedAt)
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

// tail is the end of a text, for a report.
func tail(s string) string {
	const most = 4 << 10
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = "..." + s[len(s)-most:]
	}
	return s
}

func (r *run) faultReports(rec *measure.Recorder) []harness.FaultReport {
	reports := rec.Faults()
	for i, o := range r.faults.outcomes() {
		reports[i].Target, reports[i].WorkInFlight = o.hit.Name, o.inHand
	}
	return reports
}

// judgeLoad breaks "load delivered" where the producer was late or did not
// send it all.
func (r *run) judgeLoad(sent harness.LoadReport, counts harness.Counts) {
	limit := r.Scenario.Thresholds.Lateness
	if late := sent.Lateness; !sent.Flood && late.P99 > limit {
		r.doubt(loadDelivered, fmt.Sprintf("the producer was late: p99 %v, at most %v is allowed (max %v)",
			late.P99.Round(time.Millisecond), limit, late.Max.Round(time.Millisecond)))
	}
	if counts.Failed > 0 {
		r.doubt(loadDelivered, fmt.Sprintf("%d of %d records could not be sent", counts.Failed, counts.Sent))
	}
	if counts.Sent == 0 && r.broken[groupFormed] == "" {
		r.doubt(loadDelivered, "nothing was sent")
	}
}

// judgeWork breaks "work done" where no record had an effect.
func (r *run) judgeWork(counts harness.Counts) {
	if counts.Appended > 0 && counts.Completed == 0 {
		r.doubt(workDone, fmt.Sprintf("none of %d landed records had an effect, in %d attempts", counts.Appended, counts.Attempts))
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
		workDone:        fmt.Sprintf("%d of %d landed records had an effect", out.Counts.Completed, out.Counts.Appended),
		ledgerComplete:  fmt.Sprintf("%d records in the final read; %d slots torn by kills, which say nothing", out.Counts.Appended, r.torn),
	}
	if out.Load.Flood {
		held[loadDelivered] = "all due at once"
	}
	if need := r.needInHand(); need > 0 && len(out.Faults) > 0 {
		held[inHand] = fmt.Sprintf("%v, at least %v", out.Faults[0].WorkInFlight.Round(time.Millisecond), need)
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
	return time.Duration(r.Scenario.Thresholds.WorkInFlight * float64(r.cfg.Commit))
}

// settle gives the run its status.
func (r *run) settle(out *harness.Run) {
	out.Status, out.Reasons = status(out.Verdicts, out.Assumptions, r.unmet(out))
	missed := r.missed(out)
	if missed != "" && out.Status != harness.Inconclusive {
		out.Status, out.Reasons = harness.Fail, append([]string{fmt.Sprintf("control: %s was to fail here and did not", missed)}, out.Reasons...)
	}
	out.Expected = missed == "" && r.expected(out.Status)
}

// unmet is the threshold that the run did not meet, "" if there is none.
func (r *run) unmet(out *harness.Run) string {
	share := r.Scenario.Thresholds.OfBound
	if share <= 0 || r.Consumer.Implementation.AllowIdleWorkers || out.Completed >= share*out.Bound {
		return ""
	}
	return fmt.Sprintf("threshold: completed %.0f/s, less than %.0f %% of the bound %.0f/s", out.Completed, 100*share, out.Bound)
}

// status is that of a run, with the reasons: a claim broken beats a broken
// assumption, which beats overload. A threshold that was not met means nothing where
// an assumption is broken.
func status(verdicts []harness.Verdict, assumptions []harness.Assumption, unmet string) (harness.Status, []string) {
	var failed, doubts []string
	for _, v := range verdicts {
		switch v.Status {
		case harness.Fail:
			failed = append(failed, fmt.Sprintf("%s: %d", v.Check, v.Count))
		case harness.Pass, harness.NotJudged, harness.NotObserved, harness.Inconclusive:
		}
	}
	for _, a := range assumptions {
		if !a.Held {
			doubts = append(doubts, a.Name+": "+a.Detail)
		}
	}
	if unmet != "" && len(doubts) == 0 {
		failed = append(failed, unmet)
	}
	overload := verdicts[indexOf(verdicts, oracle.CheckOverload)]
	switch {
	case len(failed) > 0:
		return harness.Fail, append(failed, doubts...)
	case len(doubts) > 0:
		return harness.Inconclusive, doubts
	case overload.Count > 0:
		return harness.Overload, []string{overload.Detail}
	}
	return harness.Pass, nil
}

// missed is a check that was to fail of a control in this scenario, and did not; ""
// for none.
func (r *run) missed(out *harness.Run) string {
	for _, must := range r.Consumer.Implementation.MustFail {
		if must.Scenario != out.Scenario {
			continue
		}
		if k := indexOf(out.Verdicts, must.Check); k < 0 || out.Verdicts[k].Status != harness.Fail {
			return must.Check
		}
	}
	return ""
}

// expected reports whether a status is fine for the exit status. A control may
// end in any way that says something.
func (r *run) expected(s harness.Status) bool {
	switch {
	case r.Consumer.Implementation.Control():
		return s != harness.Inconclusive
	case s == harness.Overload:
		return r.Scenario.MayOverload
	}
	return s == harness.Pass || s == harness.Skipped
}
