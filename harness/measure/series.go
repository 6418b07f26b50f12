package measure

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// counter counts by step.
type counter []int64

func (c *counter) countAt(at, step time.Duration) {
	i := int(max(0, at) / step)
	for len(*c) <= i {
		*c = append(*c, 0)
	}
	(*c)[i]++
}

// rates are the counts per second, over n steps.
func (c counter) rates(n int, step time.Duration) []float64 {
	rates := make([]float64, n)
	for i := range min(n, len(c)) {
		rates[i] = perSecond(c[i], step)
	}
	return rates
}

// series collects the measures over time: rates by the step they belong to,
// levels and latencies as each step closes.
type series struct {
	offered, completed counter
	endToEnd           histogram // endToEnd is of the open step alone.
	out                harness.Series
}

func newSeries(step time.Duration, partitions int) series {
	return series{out: harness.Series{
		Step:             step,
		PartitionBacklog: make([][]int64, partitions),
		PartitionLag:     make([][]int64, partitions),
		PartitionAge:     make([][]time.Duration, partitions),
	}}
}

func (s *series) closeStep(now time.Duration, partitions []*partition) {
	var backlog, lag int64
	var oldest time.Duration
	o := &s.out
	for i, p := range partitions {
		b, l, a := p.backlog(), p.lag(), p.age(now)
		o.PartitionBacklog[i] = append(o.PartitionBacklog[i], b)
		o.PartitionLag[i] = append(o.PartitionLag[i], l)
		o.PartitionAge[i] = append(o.PartitionAge[i], a)
		backlog, lag, oldest = backlog+b, lag+l, max(oldest, a)
	}
	o.Backlog = append(o.Backlog, backlog)
	o.Lag = append(o.Lag, lag)
	o.Age = append(o.Age, oldest)
	o.P50 = append(o.P50, s.endToEnd.percentile(50))
	o.P99 = append(o.P99, s.endToEnd.percentile(99))
	o.Max = append(o.Max, s.endToEnd.max)
	s.endToEnd.reset()
}

func (s *series) result() harness.Series {
	out := s.out
	out.Offered = s.offered.rates(len(out.Backlog), out.Step)
	out.Completed = s.completed.rates(len(out.Backlog), out.Step)
	return out
}
