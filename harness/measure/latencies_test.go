package measure

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// run has n records in steady, all with the given latency, and one in the warm-up.
func run(n int, latency time.Duration) *Recorder {
	records := []record{{due: 0, sent: 0, acked: ms, start: ms, end: 999 * ms}}
	for i := range n {
		due := sec + time.Duration(i)*ms
		records = append(records, record{offset: int64(i + 1), due: due, sent: due, acked: due + ms, start: due + ms, end: due + latency})
	}
	return recorded(Config{Partitions: 1, Warmup: sec, Load: 10 * sec}, history(records...))
}

func TestLatenciesOfTwoRuns(t *testing.T) {
	var l Latencies
	first := run(300, 10*ms).Latencies()
	l.Merge(first)
	l.Merge(run(100, 50*ms).Latencies())
	if n := first.Set(PhaseAll).EndToEnd.N; n != 300 {
		t.Errorf("merging changed what was merged: %d records, want 300", n)
	}
	for _, phase := range []string{PhaseAll, PhaseSteady} {
		q := l.Set(phase).EndToEnd
		if q.N != 400 || q.Mean != 20*ms || !near(q.P50, 10*ms) || !near(q.P90, 50*ms) || q.Max != 50*ms {
			t.Errorf("%s: %+v", phase, q)
		}
	}
	if q := l.Set(phaseWarmup).EndToEnd; q.N != 2 || q.Max != 999*ms {
		t.Errorf("warm-up: %+v, want its two records", q)
	}
	if s := l.Set("kill broker"); s != (harness.LatencySet{}) {
		t.Errorf("a phase that did not occur: %+v", s)
	}
	if d, n := l.EndToEnd(PhaseAll, 0.76); n != 400 || !near(d, 50*ms) {
		t.Errorf("p76 of all is %v of %d records", d, n)
	}
	if d, n := l.EndToEnd(phaseWarmup, 1); n != 2 || d != 999*ms {
		t.Errorf("the maximum of the warm-up is %v of %d records", d, n)
	}
	if d, n := l.EndToEnd("kill broker", 0.5); n != 0 || d != 0 {
		t.Errorf("p50 of a phase that did not occur is %v of %d records", d, n)
	}
	curves := l.Curves()
	if len(curves) != 2 || curves[0].Phase != PhaseAll || curves[1].Phase != PhaseSteady || curves[1].N != 400 {
		t.Fatalf("curves %+v, want all and steady (the warm-up has too few records)", curves)
	}
}

func TestCompletedWhileLoadedLeavesOutTheWarmup(t *testing.T) {
	if got, want := run(300, 10*ms).CompletedWhileLoaded(), 300/9.0; got != want {
		t.Errorf("got %v/s, want %v/s", got, want)
	}
}

func TestCurveEndsWithItsSamples(t *testing.T) {
	for _, c := range []struct {
		n    int
		last float64
	}{{9, -1}, {10, 0}, {20, .5}, {100, .9}, {10_000, .999}} {
		var h histogram
		for i := range c.n {
			h.recordValue(time.Duration(i+1) * ms)
		}
		points := h.curvePoints()
		if len(points) == 0 {
			if c.last >= 0 {
				t.Errorf("%d samples: no curve", c.n)
			}
			continue
		}
		last := points[len(points)-1]
		if last.Quantile > c.last+1e-9 || last.Quantile < c.last-.05 {
			t.Errorf("%d samples: the curve ends at %v, want at or just under %v", c.n, last.Quantile, c.last)
		}
		for i, p := range points {
			at := time.Duration(p.Quantile*float64(c.n)) * ms
			if p.Latency > time.Duration(c.n)*ms || p.Latency < at || p.Latency > at+at/500+2*ms {
				t.Errorf("%d samples: %v at %v, want about %v", c.n, p.Latency, p.Quantile, at)
			}
			if i > 0 && (p.Quantile <= points[i-1].Quantile || p.Latency < points[i-1].Latency) {
				t.Errorf("%d samples: the curve falls at %v", c.n, p.Quantile)
			}
		}
	}
}
