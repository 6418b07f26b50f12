package measure

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// What recovery asks for.
const (
	second      = int(time.Second / bin) // bins of a second
	heldSeconds = 3
	shareOfRate = 0.9
	leastSteady = 5 * time.Second
)

// watch follows the partitions that one fault affects, over the whole run.
type watch struct {
	fault    *Fault
	affected []bool // by partition

	open  int64   // records open there now
	now   int64   // first effects in the open bin
	done  []int64 // first effects by bin
	level []int64 // open records at the end of each bin

	since   time.Duration // since when records wait there without an effect
	longest time.Duration // the longest such wait that an effect ended
	emptied time.Duration // when open last came to 0
}

func newWatch(f *Fault, partitions int) *watch {
	w := &watch{fault: f, affected: make([]bool, partitions)}
	for _, p := range f.Partitions {
		if int(p) < partitions {
			w.affected[p] = true
		}
	}
	return w
}

func (w *watch) opened(p int32, at time.Duration) {
	if !w.affected[p] {
		return
	}
	if w.open == 0 {
		w.since = at
	}
	w.open++
}

// effect takes a first effect; open says that its record was open until now.
func (w *watch) effect(p int32, at time.Duration, open bool) {
	if w.affected[p] {
		w.now++
		w.finished(p, at, open)
	}
}

// finished takes the end of a record, by an effect or without; open says that it
// was open until now.
func (w *watch) finished(p int32, at time.Duration, open bool) {
	if !w.affected[p] {
		return
	}
	if w.open > 0 {
		w.longest = max(w.longest, w.waited(at))
		w.since = at
	}
	if !open {
		return
	}
	w.open--
	if w.open == 0 {
		w.emptied = at
	}
}

// waited is how long records have waited for an effect since the injection.
func (w *watch) waited(at time.Duration) time.Duration { return at - max(w.since, w.fault.From) }

func (w *watch) closeBin() {
	w.done = append(w.done, w.now)
	w.level = append(w.level, w.open)
	w.now = 0
}

// Faults returns the injected faults in the order of the configuration. Each has
// the recovery of the partitions it affects, counted from the injection. Target
// and WorkInFlight are left to the caller.
//
//   - RateBack: the first second whose first effects reach 90 % of the median
//     second of the steady phase, if the next two reach it as well. A second may
//     begin at any tenth. Its first tenth must be at that rate too. Else a
//     second that ends in a burst of catching up would count from within the
//     outage. If the first second lies within the load, those of the others
//     that reach past the load's end are excused: nothing is left to do there.
//     A load that falls or pauses by itself cannot hold the rate either.
//   - BacklogBack: when the backlog is at or under the 95th percentile of the
//     steady phase, and is so again after one, two and three seconds. It is
//     looked at by the second since even a steady backlog is above its own 95th
//     percentile now and then. Past the end of the run the last level counts,
//     if it is zero or a second of the three was seen. The search begins where
//     the rate is back: an outage that holds up the producer as well leaves
//     no backlog until it is over, and that is no recovery.
//   - LongestGap: the longest time without a first effect while acknowledged
//     records waited; with nothing to do there is no gap. Never: the longest one
//     had not ended at the end of the run, also because records were lost.
//   - Empty: when the backlog last came to zero. Never: it was not zero at
//     the end.
//
// Rate and backlog are compared with the steady phase: from the warm-up to the
// first injection of the run, at least 5 s; without it Steady is false and both
// are 0.
func (r *Recorder) Faults() []harness.FaultReport {
	r.finish()
	var reports []harness.FaultReport
	steady := r.cfg.steady()
	for _, w := range r.watches {
		report := harness.FaultReport{
			Name: w.fault.Name, Injected: w.fault.From, Healed: w.fault.To, Partitions: w.fault.Partitions,
			Steady:     steady.to-steady.from >= leastSteady,
			Empty:      w.empty(),
			LongestGap: w.longestGap(r.end()),
		}
		if report.Steady {
			report.RateBack = w.rateBack(steady, r.cfg.Load)
			report.BacklogBack = w.backlogBack(steady, max(0, report.RateBack))
		}
		reports = append(reports, report)
	}
	return reports
}

func (w *watch) empty() time.Duration {
	if w.open > 0 {
		return harness.Never
	}
	return max(0, w.emptied-w.fault.From)
}

func (w *watch) longestGap(end time.Duration) time.Duration {
	if w.open > 0 && w.waited(end) > w.longest {
		return harness.Never
	}
	return w.longest
}

// completed are the first effects in the second that begins with a bin.
func (w *watch) completed(from int) (n int64) {
	for i := from; i < min(from+second, len(w.done)); i++ {
		n += w.done[i]
	}
	return n
}

func (w *watch) rateBack(steady span, load time.Duration) time.Duration {
	var rates []int64
	for i := binsUntil(steady.from); i+second <= int(steady.to/bin); i += second {
		rates = append(rates, w.completed(i))
	}
	slices.Sort(rates)
	median := float64(rates[(len(rates)-1)/2]+rates[len(rates)/2]) / 2
	loaded := int(load / bin)
	held := func(from int) bool {
		for s := from; s < from+heldSeconds*second; s += second {
			excused := s > from && from+second <= loaded && s+second > loaded
			if float64(w.completed(s)) < shareOfRate*median && !excused {
				return false
			}
		}
		return true
	}
	// The bin of the injection is the first asked, so that a rate that never
	// fell is back at once.
	for i := int(w.fault.From / bin); i+second <= len(w.done); i++ {
		if float64(w.done[i]*int64(second)) >= shareOfRate*median && held(i) {
			return max(0, time.Duration(i)*bin-w.fault.From)
		}
	}
	return harness.Never
}

func (w *watch) backlogBack(steady span, after time.Duration) time.Duration {
	first, last := binsUntil(steady.from), min(int(steady.to/bin), len(w.level))
	levels := slices.Sorted(slices.Values(w.level[min(first, last):last]))
	if len(levels) == 0 {
		return harness.Never
	}
	bound := levels[(len(levels)*95+99)/100-1]
	end := len(w.level) - 1
	held := func(from int) bool {
		if end < from+second && w.level[end] > 0 {
			return false
		}
		for s := from; s <= from+heldSeconds*second; s += second {
			if w.level[min(s, end)] > bound {
				return false
			}
		}
		return true
	}
	// level[i] is taken at the end of bin i: the first asked is the last one
	// before the injection.
	for i := max(0, int((w.fault.From+after)/bin)-1); i <= end; i++ {
		if held(i) {
			return max(0, time.Duration(i+1)*bin-w.fault.From)
		}
	}
	return harness.Never
}

// binsUntil is the first bin that begins at a time or later.
func binsUntil(t time.Duration) int { return int((t + bin - 1) / bin) }
