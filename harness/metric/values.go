package metric

import (
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// phaseWarmup is the phase that is judged and not measured.
const phaseWarmup = "warm-up"

// Saturated reports whether the load reached the bound of the design. Otherwise the share
// of the bound says nothing about it.
func Saturated(r *harness.Run) bool {
	return r.Bound > 0 && (r.Load.Flood || r.Status == harness.Overload || r.Load.Offered >= r.Bound)
}

// CPUSeconds is the CPU time of all pods, 0 on a back end that does not measure it.
func CPUSeconds(r *harness.Run) float64 {
	total := 0.0
	for _, p := range r.Pods {
		total += p.CPU.Seconds()
	}
	return total
}

// ToSeconds is a duration as a number. [harness.Never] is infinite, so it sorts last.
func ToSeconds(d time.Duration) float64 {
	if d < 0 {
		return math.Inf(1)
	}
	return d.Seconds()
}

// warmupEnd is when the measured part of the load begins.
func warmupEnd(r *harness.Run) time.Duration {
	for _, p := range r.Phases {
		if p.Name == phaseWarmup {
			return p.To
		}
	}
	return 0
}

func completedRate(r *harness.Run) (float64, bool) { return r.Completed, true }
func redelivered(r *harness.Run) (float64, bool)   { return float64(r.Counts.Redelivered), true }
func lost(r *harness.Run) (float64, bool)          { return float64(r.Counts.Lost), true }
func unexplained(r *harness.Run) (float64, bool)   { return float64(r.Counts.Unexplained), true }
func inversions(r *harness.Run) (float64, bool)    { return float64(r.Counts.Inversions), true }

func ofBound(r *harness.Run) (float64, bool) {
	if !Saturated(r) {
		return 0, false
	}
	return r.Completed / r.Bound, true
}

func maxBacklog(r *harness.Run) (float64, bool) {
	most := int64(0)
	for _, b := range r.Series.Backlog {
		most = max(most, b)
	}
	return float64(most), len(r.Series.Backlog) > 0
}

// recoveryTime is the recovery from one fault.
func recoveryTime(f *harness.FaultReport) float64 {
	if f.Steady {
		return ToSeconds(f.BacklogBack)
	}
	return ToSeconds(f.Empty)
}

func slowestRecovery(r *harness.Run) (float64, bool) {
	slowest := 0.0
	for i := range r.Faults {
		slowest = max(slowest, recoveryTime(&r.Faults[i]))
	}
	return slowest, len(r.Faults) > 0
}

func slowestRecoveryFrom(r *harness.Run, fault string) (slowest float64, found bool) {
	for i := range r.Faults {
		if r.Faults[i].Name == fault {
			slowest, found = max(slowest, recoveryTime(&r.Faults[i])), true
		}
	}
	return slowest, found
}

func cpuPerThousand(r *harness.Run) (float64, bool) {
	cpu := CPUSeconds(r)
	if r.Counts.Completed == 0 || cpu == 0 {
		return 0, false
	}
	return 1000 * cpu / float64(r.Counts.Completed), true
}

func maxRSS(r *harness.Run) (float64, bool) {
	most := int64(0)
	for _, p := range r.Pods {
		most = max(most, p.MaxRSS)
	}
	return float64(most), most > 0
}

// largestPod is maxRSS with the name of the pod.
func largestPod(r *harness.Run, _ time.Duration) (Interval, bool) {
	v, ok := maxRSS(r)
	i := Interval{Value: v, Lower: v, Upper: v}
	for _, p := range r.Pods {
		if float64(p.MaxRSS) == v {
			i.Where = p.Name
		}
	}
	return i, ok
}

// maxAge is over the steps that end after the warm-up.
func maxAge(r *harness.Run) (float64, bool) {
	from, oldest, any := warmupEnd(r), time.Duration(0), false
	for i, age := range r.Series.Age {
		if time.Duration(i+1)*r.Series.Step > from {
			oldest, any = max(oldest, age), true
		}
	}
	return oldest.Seconds(), any
}

// drainTime is 0 if the backlog was empty when the load ended, and infinite if it never was.
// The load of a flood ends at 0.
func drainTime(r *harness.Run) (float64, bool) {
	if r.LoadEnd <= 0 && (!r.Load.Flood || r.Emptied == 0) {
		return 0, false
	}
	if r.Emptied < 0 {
		return math.Inf(1), true
	}
	return max(0, r.Emptied-r.LoadEnd).Seconds(), true
}
