package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

type validPacer interface {
	harness.Pacer
	Validate() error
}

func TestPacersAreDueAtTheseTimes(t *testing.T) {
	burst := Step{Burst: 1800, After: 5 * time.Second, Length: time.Second, For: 10 * time.Second}
	step := Step{Base: 10, Burst: 100, After: time.Second, Length: 2 * time.Second, For: 4 * time.Second}
	const none = -1
	tests := []struct {
		pacer validPacer
		n     uint64
		due   time.Duration
	}{
		{Constant{1000, time.Second}, 0, 0},
		{Constant{1000, time.Second}, 1, time.Millisecond},
		{Constant{1000, time.Second}, 999, 999 * time.Millisecond},
		{Constant{1000, time.Second}, 1000, none},
		{Constant{1.1, 10 * time.Second}, 10, 9090909091},
		{Constant{1.1, 10 * time.Second}, 11, none},
		{Constant{16.1, 1000 * time.Second}, 16100, none}, // the product is 16100.000000000002
		{Constant{0.5, time.Second}, 0, 0},
		{Constant{0.5, time.Second}, 1, none},
		{Constant{3e6, 100 * time.Hour}, 1_079_999_999_999, 359999999999667},
		{Flood{3}, 0, 0},
		{Flood{3}, 2, 0},
		{Flood{3}, 3, none},
		{burst, 0, 5 * time.Second},
		{burst, 900, 5500 * time.Millisecond},
		{burst, 1799, 5999444444},
		{burst, 1800, none},
		{step, 9, 900 * time.Millisecond},
		{step, 10, time.Second},
		{step, 11, 1010 * time.Millisecond},
		{step, 209, 2990 * time.Millisecond},
		{step, 210, 3 * time.Second},
		{step, 219, 3900 * time.Millisecond},
		{step, 220, none},
		{Step{Base: 1, Burst: 10, After: 500 * time.Millisecond, Length: time.Second, For: 2 * time.Second}, 1, 550 * time.Millisecond},
		{Step{Base: 16.1, Burst: 1, After: 1000 * time.Second, Length: time.Second, For: 2000 * time.Second}, 16100, 1000 * time.Second},
		{Step{Burst: 3.3, Length: time.Second, For: 2 * time.Second}, 3, 909090909},
		{Step{Burst: 3.3, Length: time.Second, For: 2 * time.Second}, 4, none},
		{Ramp{0, 100, 2 * time.Second}, 0, 0},
		{Ramp{0, 100, 2 * time.Second}, 25, time.Second},
		{Ramp{0, 100, 2 * time.Second}, 81, 1800 * time.Millisecond},
		{Ramp{0, 100, 2 * time.Second}, 100, none},
		{Ramp{100, 0, 2 * time.Second}, 75, time.Second},
		{Ramp{100, 0, 2 * time.Second}, 99, 1800 * time.Millisecond},
		{Ramp{100, 0, 2 * time.Second}, 100, none},
		{Ramp{50, 50, 2 * time.Second}, 99, 1980 * time.Millisecond},
		{Ramp{50, 50, 2 * time.Second}, 100, none},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%v record %d", tt.pacer, tt.n), func(t *testing.T) {
			if err := tt.pacer.Validate(); err != nil {
				t.Fatal(err)
			}
			due, ok := tt.pacer.At(tt.n)
			if !ok {
				due = none
			}
			if due != tt.due {
				t.Errorf("due at %d, want %d", due, tt.due)
			}
		})
	}
}

// integral is the integral of a pacer's rate up to t, by its definition.
func integral(p harness.Pacer, t time.Duration) float64 {
	s := t.Seconds()
	switch p := p.(type) {
	case Constant:
		return p.Rate * s
	case Step:
		in := min(max(s-p.After.Seconds(), 0), p.Length.Seconds())
		return p.Base*(s-in) + p.Burst*in
	case Ramp:
		return p.From*s + (p.To-p.From)*s*s/2/p.For.Seconds()
	}
	panic(fmt.Sprintf("no integral of %T", p))
}

func randomPacers(r *rand.Rand) map[validPacer]time.Duration {
	d := func(max time.Duration) time.Duration { return 1 + time.Duration(r.Int64N(int64(max))) }
	rate := func() float64 { return math.Exp(r.Float64()*12 - 2) } // 0.14/s to 22,000/s
	total := d(20 * time.Second)
	after := d(total)
	pacers := map[validPacer]time.Duration{
		Constant{rate(), total}:          total,
		Ramp{rate(), rate(), total}:      total,
		Ramp{0, rate(), total}:           total,
		Ramp{rate(), 0, total}:           total,
		Ramp{From: 7, To: 7, For: total}: total,
	}
	if after < total {
		length := d(total - after)
		pacers[Step{rate(), rate(), after, length, total}] = total
		pacers[Step{0, rate(), after, length, total}] = total
	}
	return pacers
}

func TestPacersFollowTheirRate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		for p, total := range randomPacers(r) {
			if err := p.Validate(); err != nil {
				t.Fatalf("%v: %v", p, err)
			}
			count, _, _ := Extent(p)
			if want := integral(p, total); math.Abs(float64(count)-want) > 1 || float64(count) < want-1e-5 {
				t.Fatalf("%v: %d records, want %v rounded up", p, count, want)
			}
			stride := 1 + count/5000
			last := time.Duration(0)
			for n := uint64(0); n < count; n += stride {
				due, ok := p.At(n)
				if !ok || due < last || due < 0 || due >= total {
					t.Fatalf("%v: record %d due at %v, %v; the one before at %v, the end at %v", p, n, due, ok, last, total)
				}
				last = due
				// The integral grows by at most rate x 1 ns per step of the due.
				if got := integral(p, due); math.Abs(got-float64(n)) > 1e-3 {
					t.Fatalf("%v: record %d due at %v, where the integral is %v", p, n, due, got)
				}
			}
			for _, n := range []uint64{count, count + 1, 2*count + 7} {
				if _, ok := p.At(n); ok {
					t.Fatalf("%v: has a record %d of %d", p, n, count)
				}
			}
		}
	}
}

func TestScale(t *testing.T) {
	sec := time.Second
	tests := []struct {
		from     harness.Scalable
		rate     float64
		duration time.Duration
		want     harness.Pacer
	}{
		{Constant{10, sec}, 0, 0, Constant{10, sec}},
		{Constant{10, sec}, 20, 0, Constant{20, sec}},
		{Constant{10, sec}, 0, 3 * sec, Constant{10, 3 * sec}},
		{Step{10, 100, 2 * sec, sec, 4 * sec}, 50, 8 * sec, Step{5, 50, 4 * sec, 2 * sec, 8 * sec}},
		{Step{0, 100, 2 * sec, sec, 4 * sec}, 50, 0, Step{0, 50, 2 * sec, sec, 4 * sec}},
		{Step{0, 100, 2, 2, 4}, 0, 3, Step{0, 100, 2, 1, 3}}, // not 2 and 2 of 3 ns
		{Ramp{10, 100, 2 * sec}, 50, 4 * sec, Ramp{5, 50, 4 * sec}},
		{Ramp{100, 0, 2 * sec}, 50, 0, Ramp{50, 0, 2 * sec}},
	}
	for _, tt := range tests {
		if got := tt.from.Scale(tt.rate, tt.duration); got != tt.want {
			t.Errorf("%v scaled to %v/s and %v: %v, want %v", tt.from, tt.rate, tt.duration, got, tt.want)
		}
	}
}

func TestExtent(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 4, 5, 1000, 1 << 40} {
		if got, _, _ := Extent(Flood{n}); got != n {
			t.Errorf("flood of %d: extent %d", n, got)
		}
	}
	p := Step{Burst: 10, After: time.Second, Length: time.Second, For: 3 * time.Second}
	if n, first, last := Extent(p); n != 10 || first != time.Second || last != 1900*time.Millisecond {
		t.Errorf("%v: %d records from %v to %v", p, n, first, last)
	}
	if n, _, _ := Extent(Flood{}); n != 0 {
		t.Errorf("empty flood: %d records", n)
	}
}

func TestPacersRefuseBadValues(t *testing.T) {
	sec := time.Second
	tests := []struct {
		pacer validPacer
		want  string
	}{
		{Constant{0, sec}, "rate of 0"},
		{Constant{-1, sec}, "rate of -1"},
		{Constant{math.NaN(), sec}, "rate of NaN"},
		{Constant{math.Inf(1), sec}, "rate of +Inf"},
		{Constant{1, 0}, "duration of 0s"},
		{Step{-1, 1, 0, sec, sec}, "base rate of -1"},
		{Step{0, 0, 0, sec, sec}, "burst of 0"},
		{Step{0, 1, 0, 0, sec}, "length of the burst of 0s"},
		{Step{0, 1, -1, sec, sec}, "want it within"},
		{Step{0, 1, sec, sec, sec}, "burst from 1s to 2s"},
		{Ramp{0, 0, sec}, "rate at the start of 0"},
		{Ramp{-1, 1, sec}, "rate at the start of -1"},
		{Ramp{1, -1, sec}, "rate at the end of -1"},
		{Ramp{1, 1, -sec}, "duration of -1s"},
		{Flood{}, "flood of 0"},
	}
	for _, tt := range tests {
		if err := tt.pacer.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%#v: error %v, want one with %q", tt.pacer, err, tt.want)
		}
	}
}
