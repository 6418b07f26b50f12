package metric

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// backlogModel makes backlogs whose growth is known.
type backlogModel struct {
	seconds    int
	partitions int
	growth     []float64 // growth by partition, as a share of its offered rate; the last one is that of all others
	noise      float64   // noise is the standard deviation of a level, in records.
	memory     float64   // memory is the correlation of neighbouring levels.
	sawtooth   float64   // sawtooth is the height of the teeth, in records.
	period     float64   // period of the sawtooth in seconds.
}

const modelRate = 1200.0

func (m backlogModel) run(seed uint64) *harness.Run {
	random := rand.New(rand.NewPCG(seed, 1))
	r := &harness.Run{Seed: seed, LoadEnd: time.Duration(m.seconds) * time.Second}
	r.Series.Step = time.Second
	total := make([]int64, m.seconds)
	each := modelRate / float64(m.partitions)
	for p := range m.partitions {
		growth := m.growth[min(p, len(m.growth)-1)]
		levels := make([]int64, m.seconds)
		e, phase := random.NormFloat64(), random.Float64()
		for i := range levels {
			e = m.memory*e + math.Sqrt(1-m.memory*m.memory)*random.NormFloat64()
			level := 1000 + growth*each*float64(i) + m.noise*e
			if m.period > 0 {
				_, tooth := math.Modf(float64(i)/m.period + phase)
				level += m.sawtooth * tooth
			}
			levels[i] = int64(math.Round(level))
			total[i] += levels[i]
		}
		r.Series.PartitionBacklog = append(r.Series.PartitionBacklog, levels)
		r.Load.Partitions = append(r.Load.Partitions, 1/float64(m.partitions))
	}
	r.Series.Backlog = total
	r.Series.Offered = make([]float64, m.seconds)
	for i := range r.Series.Offered {
		r.Series.Offered[i] = modelRate
	}
	return r
}

// Of 100 runs that grow by exactly the limit, at most a few may have a bound on the wrong side.
// The lower bounds are of 13 series at their limit at once.
func TestTrendBoundsCoverTheTrueGrowth(t *testing.T) {
	for name, m := range map[string]backlogModel{
		"independent levels":      {noise: 20},
		"12 independent":          {noise: 20, partitions: 12},
		"levels with memory":      {noise: 20, memory: 0.6},
		"near its capacity":       {noise: 20, memory: 0.8},
		"sawtooth of commits":     {noise: 5, sawtooth: 60, period: 1.7},
		"12 with a sawtooth":      {noise: 5, sawtooth: 60, period: 4.7, partitions: 12},
		"one of 12 grows":         {noise: 20, memory: 0.5, partitions: 12, growth: []float64{0.01, 0}},
		"a load of half a minute": {noise: 20, seconds: 30},
	} {
		m.seconds, m.partitions = cmp.Or(m.seconds, 60), cmp.Or(m.partitions, 1)
		if m.growth == nil {
			m.growth = []float64{0.01}
		}
		below, above := 0, 0
		for seed := range uint64(100) {
			i, ok := Trend(m.run(seed), time.Second)
			if !ok || i.Lower > i.Value || i.Value > i.Upper {
				t.Fatalf("%s: bounds are %+v, %v", name, i, ok)
			}
			if i.Upper < 0.01 {
				below++
			}
			if i.Lower > 0.01 {
				above++
			}
		}
		t.Logf("%s: %d upper bounds below the growth, %d lower bounds above it", name, below, above)
		if most := 12; below > most || above > most {
			t.Errorf("%s: %d upper bounds below the growth, %d lower bounds above it, of 100: want at most %d", name, below, above, most)
		}
	}
}

func TestTrendIsThatOfTheWorstPartition(t *testing.T) {
	m := backlogModel{seconds: 60, partitions: 12, growth: []float64{0, 0, 0.05, 0}, noise: 5}
	i, _ := Trend(m.run(1), time.Second)
	if i.Where != "partition 2" || i.Lower < 0.03 || i.Upper > 0.07 {
		t.Errorf("5 %% growth of partition 2 is %+v", i)
	}
	// The same growth in records is five times the share if a fifth of the records goes there.
	r := m.run(1)
	r.Load.Partitions[2] /= 5
	if i, _ := Trend(r, time.Second); i.Where != "partition 2" || i.Lower < 0.2 || i.Upper > 0.3 {
		t.Errorf("25 %% growth of partition 2 is %+v", i)
	}
	// With less than a record a second a partition counts in the total alone.
	r.Load.Partitions[2] = 0.9 / modelRate
	if i, _ := Trend(r, time.Second); i.Where == "partition 2" {
		t.Errorf("a partition with 0.9 records/s decides: %+v", i)
	}
}

func TestTrendDependsOnTheSeedAlone(t *testing.T) {
	r := backlogModel{seconds: 60, partitions: 3, growth: []float64{0.01}, noise: 20}.run(7)
	first, _ := Trend(r, time.Second)
	if again, _ := Trend(r, time.Second); again != first {
		t.Errorf("bounds are %+v, then %+v", first, again)
	}
	r.Seed++
	if other, _ := Trend(r, time.Second); other == first {
		t.Error("another seed has the same bounds")
	}
}

func TestTrendIsNotFooledByAnOutage(t *testing.T) {
	r := backlogModel{seconds: 60, partitions: 1, growth: []float64{0}, noise: 5}.run(1)
	for i := 40; i < 52; i++ { // the last third, in which growth would show most
		r.Series.Backlog[i] += 10_000
	}
	if v, ok := trendOfTotal(r); !ok || math.Abs(v) > 0.002 {
		t.Errorf("a backlog that comes back has the trend %v, %v", v, ok)
	}
}

func TestTrendIsOfTheLoadAfterTheWarmUp(t *testing.T) {
	r := backlogModel{seconds: 60, partitions: 1, growth: []float64{0.02}, noise: 1}.run(1)
	r.Phases = []harness.Phase{{Name: "warm-up", To: 10 * time.Second}}
	r.LoadEnd = 50 * time.Second
	for i := range 10 {
		r.Series.Backlog[i], r.Series.Backlog[50+i] = 1e6, 0
	}
	if i, ok := Trend(r, time.Second); !ok || i.Lower < 0.015 || i.Upper > 0.025 {
		t.Errorf("2 %% growth is %+v", i)
	}
}

func TestTrendTakesMediansOfSecondsAndOfMoreInALongLoad(t *testing.T) {
	w := window{to: 20, bundle: 10}
	levels := make([]int64, 25)
	for i := range levels {
		levels[i] = int64(i)
	}
	levels[3] = 1e9
	if got := w.medians(levels); len(got) != 2 || got[0] != 5.5 || got[1] != 14.5 {
		t.Errorf("medians are %v", got)
	}
	r := backlogModel{seconds: 600, partitions: 1, growth: []float64{0.01}, noise: 20}.run(1)
	if w, ok := loadWindow(r); !ok || w.point != 10*time.Second || len(w.medians(r.Series.Backlog)) != 60 {
		t.Errorf("the points of ten minutes are %+v, %v", w, ok)
	}
	r.Series.Step = 100 * time.Millisecond
	r.LoadEnd = time.Minute
	if w, ok := loadWindow(r); !ok || w.point != time.Second {
		t.Errorf("the points of steps of 100 ms are %+v, %v", w, ok)
	}
}

func TestShortLoadHasNoBounds(t *testing.T) {
	m := backlogModel{seconds: 11, partitions: 1, growth: []float64{0.01}, noise: 1}
	if i, ok := Trend(m.run(1), time.Second); !ok || !math.IsInf(i.Upper, 1) || !math.IsInf(i.Lower, -1) || !strings.Contains(i.Why, "11s after the warm-up is too short for a trend: at least 12s") {
		t.Errorf("11 s are %+v, %v", i, ok)
	}
	m.seconds = 12
	if i, ok := Trend(m.run(1), time.Second); !ok || math.IsInf(i.Upper, 1) || i.Why != "" {
		t.Errorf("12 s are %+v, %v", i, ok)
	}
}

func TestRunWithoutLoadOverTimeHasNoTrend(t *testing.T) {
	r := backlogModel{seconds: 60, partitions: 1, growth: []float64{0}}.run(1)
	r.Load.Flood = true
	if _, ok := Trend(r, time.Second); ok {
		t.Error("a flood has a trend")
	}
	if _, ok := Trend(&harness.Run{}, time.Second); ok {
		t.Error("an empty run has a trend")
	}
}

// The median of all values is what selection finds, also with equal ones.
func TestMedianIsThatOfTheSortedValues(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		v := make([]float64, 1+random.IntN(40))
		for i := range v {
			v[i] = float64(random.IntN(12))
		}
		sorted := slices.Sorted(slices.Values(v))
		want := (sorted[(len(v)-1)/2] + sorted[len(v)/2]) / 2
		if got := medianOf(v); got != want {
			t.Fatalf("median of %v is %v, want %v", sorted, got, want)
		}
	}
}

// The quantiles are those of the tables.
func TestStudentQuantile(t *testing.T) {
	for _, k := range []struct {
		p       float64
		freedom int
		want    float64
	}{{0.95, 3, 2.353}, {0.95, 10, 1.812}, {0.95, 60, 1.671}, {0.995, 5, 4.032}, {0.995, 20, 2.845}} {
		if got := studentQuantile(k.p, k.freedom); math.Abs(got/k.want-1) > 0.03 {
			t.Errorf("t(%v, %d) is %v, want %v", k.p, k.freedom, got, k.want)
		}
	}
}

// BenchmarkTrend is a minute with 12 partitions.
func BenchmarkTrend(b *testing.B) {
	r := backlogModel{seconds: 60, partitions: 12, growth: []float64{0.01}, noise: 20, memory: 0.8}.run(1)
	for b.Loop() {
		if _, ok := Trend(r, time.Second); !ok {
			b.Fatal("no trend")
		}
	}
}
