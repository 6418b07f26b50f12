package metric

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestEveryMetricHasOneSourceAndItsOwnNames(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range append(All(), Percentiles()...) {
		sources := 0
		for _, has := range []bool{m.Of != nil, m.Quantile > 0, m.Check != ""} {
			if has {
				sources++
			}
		}
		if sources != 1 || m.Unit == "" || m.Doc == "" || seen[m.Name] || m.Bench != "" && seen[m.Bench] {
			t.Errorf("%s (%s) has %d sources, the unit %q, the doc %q", m.Name, m.Bench, sources, m.Unit, m.Doc)
		}
		seen[m.Name], seen[m.Bench] = true, true
		for _, name := range []string{m.Name, m.Bench} {
			if found, err := Find(name); name != "" && (err != nil || found != m) {
				t.Errorf("%s is found as %+v, %v", name, found, err)
			}
		}
	}
}

func TestAnyPercentileIsAMetric(t *testing.T) {
	for name, want := range map[string]float64{"p95": 0.95, "p99.99": 0.9999, "p5": 0.05, "p75-e2e-sec": 0.75} {
		if m, err := Find(name); err != nil || math.Abs(m.Quantile-want) > 1e-9 || m.Unit != Seconds {
			t.Errorf("%s is %+v, %v", name, m, err)
		}
	}
	for _, name := range []string{"p", "p100", "p0", "p-1", "p1e1", "px", "pp99", "p99.", "p.999999999", ""} {
		if m, err := Find(name); err == nil && name != "p99." {
			t.Errorf("%q is %+v", name, m)
		}
	}
}

// p99 of 99 records is the maximum under another name.
func TestPercentileOfTooFewRecordsIsMissing(t *testing.T) {
	p99 := MustFind("p99")
	for n, want := range map[int64]bool{0: false, 99: false, 100: true, 5000: true} {
		r := &harness.Run{EndToEnd: harness.Quantiles{N: n, P99: time.Second}}
		if v, ok := p99.OfPhase(r, AllPhases); ok != want || ok && v != 1 {
			t.Errorf("p99 of %d records is %v, %v", n, v, ok)
		}
	}
	if _, ok := MustFind("max").OfPhase(&harness.Run{EndToEnd: harness.Quantiles{N: 1, Max: 1}}, AllPhases); !ok {
		t.Error("one record has no maximum")
	}
}

func TestPercentilesOfSeveralPhasesAreNotMixed(t *testing.T) {
	q := harness.Quantiles{N: 1000, P50: time.Second}
	r := &harness.Run{Phases: []harness.Phase{{Name: "warm-up", EndToEnd: q}, {Name: "steady", EndToEnd: q}}}
	p50 := MustFind("p50")
	if v, ok := p50.OfPhase(r, AllPhases); !ok || v != 1 {
		t.Errorf("p50 of a run with one measured phase is %v, %v", v, ok)
	}
	r.Phases = append(r.Phases, harness.Phase{Name: "recovery", EndToEnd: q})
	if v, ok := p50.OfPhase(r, AllPhases); ok {
		t.Errorf("p50 of a run with two measured phases is %v", v)
	}
	if _, ok := p50.OfPhase(r, "recovery"); !ok {
		t.Error("p50 of one of two phases is missing")
	}
}

func TestTimeThatNeverCameIsInfinite(t *testing.T) {
	r := &harness.Run{LoadEnd: time.Second, Emptied: harness.Never, Faults: []harness.FaultReport{{Name: "kill pod", Empty: harness.Never}}}
	for _, name := range []string{"drain", "recovery"} {
		if v, ok := MustFind(name).Of(r); !ok || !math.IsInf(v, 1) {
			t.Errorf("%s that never came is %v, %v", name, v, ok)
		}
	}
	r.Emptied = 500 * time.Millisecond
	if v, ok := MustFind("drain").Of(r); !ok || v != 0 {
		t.Errorf("drain of a backlog that was empty before the end of the load is %v, %v", v, ok)
	}
}

func TestValuesAreWrittenWithTheirUnits(t *testing.T) {
	for _, c := range []struct {
		unit Unit
		v    float64
		want string
	}{
		{Seconds, 0.812, "812 ms"}, {Seconds, 21, "21 s"}, {Seconds, 1.5, "1.50 s"}, {Seconds, math.Inf(1), "never"}, {Seconds, 0, "0 s"}, {Seconds, 25e-6, "25 µs"},
		{Share, 0.0042, "0.42 %"}, {Share, 0.9, "90 %"}, {Share, -0.013, "-1.30 %"}, {Bytes, 70 << 20, "70 MiB"}, {Bytes, 1536, "1.50 KiB"}, {Bytes, 12, "12 B"},
		{RecordsPerSecond, 4012.7, "4013/s"}, {Records, 7, "7"},
	} {
		if got := c.unit.Format(c.v); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

func TestUnknownNameIsAnsweredWithTheNearest(t *testing.T) {
	if _, err := Find("recovry"); err == nil || !strings.Contains(err.Error(), "did you mean recovery?") {
		t.Errorf("the error is %v", err)
	}
}
