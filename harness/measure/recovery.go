package measure

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// The requirements for a recovery.
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

func (w *watch) openRecord(p int32, at time.Duration) {
	if !w.affected[p] {
		return
	}
	if w.open == 0 {
		w.since = at
	}
	w.open++
}

// addEffect counts a first effect. open: its record was open until now.
func (w *watch) addEffect(p int32, at time.Duration, open bool) {
	if w.affected[p] {
		w.now++
		w.completeRecord(p, at, open)
	}
}

// completeRecord notes that a record was completed, by an effect or without. open: it
// was open until now.
func (w *watch) completeRecord(p int32, at time.Duration, open bool) {
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

// Faults are the injected faults in the order of the configuration, and how the
// partitions they affect recovered. Times count from the injection. The caller sets
// Target and WorkInFlight.
//
//   - RateBack: the first second whose first effects reach 90 % of the median second of
//     the steady phase, if the next two do so too. Seconds are tried by tenths. The
//     first tenth of a second must be at that rate as well. Otherwise a second that ends
//     in a burst of catching up would count from within the outage. Seconds that reach past
//     the end of the load are excused, except for the first: no work is left. A load
//     that falls or pauses by design cannot hold the rate either.
//   - BacklogBack: when the backlog is at or under the 95th percentile of the steady
//     phase, and is so again after one, two and three seconds. It is sampled by the
//     second, since even a steady backlog is sometimes above its own 95th percentile.
//     Past the end of the run the last level counts, if it is zero or one of the three
//     seconds was seen. The search begins where the rate is back: an outage that holds up
//     the producer too leaves no backlog until it is over, and that is no recovery.
//   - LongestGap: the longest time without a first effect while acknowledged records
//     waited. Never: the longest gap lasted to the end of the run, perhaps because
//     records were lost.
//   - Empty: when the backlog came to zero and stayed there. Never: it was not zero at
//     the end.
//
// Rate and backlog are compared with the steady phase, from the warm-up to the first
// injection of the run, at least 5 s. Without it Steady is false and both are 0.
func (r *Recorder) Faults() []harness.FaultReport {
	r.closeBins()
	var reports []harness.FaultReport
	steady := r.cfg.steadyPeriod()
	for _, w := range r.watches {
		report := harness.FaultReport{
			Name: w.fault.Name, Injected: w.fault.From, Healed: w.fault.To, Partitions: w.fault.Partitions,
			Steady:     steady.to-steady.from >= leastSteady,
			Empty:      w.firstEmpty(),
			LongestGap: w.longestGap(r.endTime()),
		}
		if report.Steady {
			report.RateBack = w.rateRecovery(steady, r.cfg.Load)
			report.BacklogBack = w.backlogRecovery(steady, max(0, report.RateBack))
		}
		reports = append(reports, report)
	}
	return reports
}

func (w *watch) firstEmpty() time.Duration {
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

// countEffects are the first effects in the second that begins with a bin.
func (w *watch) countEffects(from int) (n int64) {
	for i := from; i < min(from+second, len(w.done)); i++ {
		n += w.done[i]
	}
	return n
}

func (w *watch) rateRecovery(steady period, load time.Duration) time.Duration {
	var rates []int64
	for i := binsUntil(steady.from); i+second <= int(steady.to/bin); i += second {
		rates = append(rates, w.countEffects(i))
	}
	slices.Sort(rates)
	median := float64(rates[(len(rates)-1)/2]+rates[len(rates)/2]) / 2
	loaded := int(load / bin)
	held := func(from int) bool {
		for s := from; s < from+heldSeconds*second; s += second {
			excused := s > from && from+second <= loaded && s+second > loaded
			if float64(w.countEffects(s)) < shareOfRate*median && !excused {
				return false
			}
		}
		return true
	}
	// The search begins with the bin of the injection, so that a rate that never
	// fell is back at once.
	for i := int(w.fault.From / bin); i+second <= len(w.done); i++ {
		if float64(w.done[i]*int64(second)) >= shareOfRate*median && held(i) {
			return max(0, time.Duration(i)*bin-w.fault.From)
		}
	}
	return harness.Never
}

func (w *watch) backlogRecovery(steady period, after time.Duration) time.Duration {
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
	// level[i] is taken at the end of bin i: the search begins with the last one
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
