package measure

import (
	"cmp"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// topKeys is how many of the most frequent keys are reported.
const topKeys = 5

// load is the load as the producer achieved it.
type load struct {
	n           int64
	first, last time.Duration // first and last call of Produce
	lateness    histogram
	keys        []uint32 // records by key
	partitions  []int64  // records acked by partition
}

// countSend counts a call of Produce. judged: its lateness counts.
func (l *load) countSend(e *ledger.Event, judged bool) {
	if judged {
		l.lateness.recordValue(e.Sent - e.Due)
	}
	if l.n == 0 {
		l.first = e.Sent
	}
	l.last = max(l.last, e.Sent)
	l.n++
	for int(e.Key) >= len(l.keys) {
		l.keys = append(l.keys, make([]uint32, int(e.Key)+1-len(l.keys))...)
	}
	l.keys[e.Key]++
}

func (l *load) countPartition(p int32) {
	for int(p) >= len(l.partitions) {
		l.partitions = append(l.partitions, 0)
	}
	l.partitions[p]++
}

// Load is the load as the producer achieved it. The rates count from the first record to
// the last: the offered rate by due, the sent rate by the call to Produce. A rate over no
// time is 0, such as the offered rate of a flood. Lateness is that of records due outside
// faults. Keys are counted as sent, partitions as acknowledged.
func (r *Recorder) Load() harness.LoadReport {
	l := &r.load
	after := max(0, l.n-1)
	return harness.LoadReport{
		Offered:  perSecond(after, r.cfg.Load),
		Sent:     perSecond(after, l.last-l.first),
		Flood:    r.cfg.Flood,
		Lateness: l.lateness.quantiles(),
		Keys:     l.keyReport(r.cfg.Partitions),

		Partitions: l.partitionShares(r.cfg.Partitions),
	}
}

// partitionShares are nil without an acknowledged record.
func (l *load) partitionShares(partitions int) []float64 {
	acked := int64(0)
	for _, n := range l.partitions {
		acked += n
	}
	if acked == 0 {
		return nil
	}
	shares := make([]float64, max(partitions, len(l.partitions)))
	for p, n := range l.partitions {
		shares[p] = float64(n) / float64(acked)
	}
	return shares
}

func (l *load) keyReport(partitions int) harness.KeyReport {
	var byCount []uint32 // the keys that occurred, most frequent first
	for k, n := range l.keys {
		if n > 0 {
			byCount = append(byCount, uint32(k))
		}
	}
	slices.SortFunc(byCount, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(l.keys[b], l.keys[a]), cmp.Compare(a, b))
	})
	report := harness.KeyReport{Distinct: len(byCount)}
	for i, k := range byCount {
		share := float64(l.keys[k]) / float64(l.n)
		if i < topKeys {
			report.Top = append(report.Top, harness.KeyShare{Key: k, Share: share})
		}
		if i*100 < len(byCount) {
			report.Top1Pct += share
		}
	}
	var fullest, acked int64
	for _, n := range l.partitions {
		fullest, acked = max(fullest, n), acked+n
	}
	if acked > 0 {
		report.MaxPart = float64(fullest) * float64(partitions) / float64(acked)
	}
	return report
}
