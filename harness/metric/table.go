package metric

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// table has all metrics but the percentiles, in the order of bench.txt.
var table = []*Metric{
	{Name: "records/s", Bench: "records/s", Unit: RecordsPerSecond, Higher: true, Doc: "records completed per second while there was load", Of: completedRate},
	{Name: "of-bound", Bench: "of-bound", Unit: Share, Higher: true, Doc: "the completed rate as a share of the bound, where the load reaches it", Of: ofBound, Explain: belowBound},
	{Name: "backlog-max", Bench: "backlog-max", Unit: Records, Doc: "the highest number of records that were appended and not completed", Of: maxBacklog},
	{Name: "recovery", Bench: "recovery-sec", Unit: Seconds, Doc: "time from the injection of a fault until the backlog is back at its steady level. Without a steady phase it has to be empty. The slowest fault counts", Of: slowestRecovery, OfFault: slowestRecoveryFrom, Absent: withoutFaults},
	{Name: "redelivered", Bench: "redelivered", Unit: Records, Doc: "records completed again after a rebalance, a crash or another return to the committed offset", Of: redelivered},
	{Name: "cpu/1000records", Bench: "cpu-sec/1000records", Unit: Seconds, Doc: "CPU time of all pods for 1000 completed records", Of: cpuPerThousand, Absent: withoutUsage},
	{Name: "rss-max", Bench: "rss-max-B", Unit: Bytes, Doc: "peak resident memory of the largest pod", Of: maxRSS, Interval: largestPod, Absent: withoutUsage},
	{Name: "trend", Bench: "trend", Unit: Share, Signed: true, Doc: "growth of the backlog while there was load, as a share of the offered rate", Of: trendOfTotal, Interval: Trend, Explain: shortLoad, Absent: isFlood},
	{Name: "age", Bench: "age-sec", Unit: Seconds, Doc: "the highest age of the oldest unfinished record after the warm-up", Of: maxAge},
	{Name: "drain", Bench: "drain-sec", Unit: Seconds, Doc: "time from the end of the load until the backlog is empty", Of: drainTime},
	{Name: "lost", Bench: "lost", Unit: Records, Doc: "records that were acknowledged and never completed", Of: lost},
	{Name: "unexplained-duplicates", Bench: "unexplained-duplicates", Unit: Records, Doc: "second effects that no rewind explains", Of: unexplained},
	{Name: "inversions", Bench: "inversions", Unit: Records, Doc: "records completed before an earlier record of their key", Of: inversions},
	{Name: "others-p99", Unit: Seconds, Doc: "the p99 of the end-to-end latency of all keys except the hot ones and those that fail; the check blast radius judges it", Check: oracle.CheckBlastRadius},
	{Name: oracle.CheckStarvation, Unit: Seconds, Doc: "the longest wait of a key while later records of its partition are completed; the check starvation judges it", Check: oracle.CheckStarvation},
}

func belowBound(r *harness.Run) string {
	if r.Bound == 0 {
		return "no measured record was completed"
	}
	return "the load does not reach the bound"
}

func shortLoad(*harness.Run) string { return "less than two seconds of load after the warm-up" }

func withoutFaults(r *harness.Run) string {
	if len(r.Faults) == 0 {
		return "the run had no fault"
	}
	return ""
}

// withoutUsage is for what only pods that are processes have.
func withoutUsage(r *harness.Run) string {
	for _, p := range r.Pods {
		if p.CPU > 0 || p.MaxRSS > 0 {
			return ""
		}
	}
	return "this back end does not measure what pods use"
}

func isFlood(r *harness.Run) string {
	if r.Load.Flood {
		return "flood: all records due at once"
	}
	return ""
}
