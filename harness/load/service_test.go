package load

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestServiceTimesAreDistributedAsNamed(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		service          harness.Service
		median, p99, max time.Duration // 0: not checked
		zero             time.Duration // at u = 0
		cpu              bool
	}{
		{service: Fixed(0)},
		{service: Fixed(10 * ms), median: 10 * ms, p99: 10 * ms, max: 10 * ms, zero: 10 * ms},
		{service: Between{5 * ms, 15 * ms}, median: 10 * ms, p99: 14900 * time.Microsecond, max: 15 * ms, zero: 5 * ms},
		{service: LogNormal{10 * ms, 100 * ms}, p99: 100 * ms},
		{service: LogNormal{2 * ms, 10 * ms}, p99: 10 * ms},
		{service: LogNormal{10 * ms, 11 * ms}, p99: 11 * ms},
		{service: Rare{10 * ms, 3000 * ms, 0.02}, median: 10 * ms, p99: 3000 * ms, max: 3000 * ms, zero: 10 * ms},
		{service: cpuBound{Between{5 * ms, 15 * ms}}, median: 10 * ms, p99: 14900 * time.Microsecond, max: 15 * ms, zero: 5 * ms, cpu: true},
	}
	for _, tt := range tests {
		t.Run(tt.service.String(), func(t *testing.T) {
			near := func(what string, got, want time.Duration) {
				if math.Abs(float64(got-want)) > 1e-6*float64(want)+1 {
					t.Errorf("%s %v, want %v", what, got, want)
				}
			}
			near("at 0", tt.service.Time(0), tt.zero)
			if tt.median > 0 {
				near("median", tt.service.Time(0.5), tt.median)
			}
			if tt.p99 > 0 {
				near("p99", tt.service.Time(0.99), tt.p99)
			}
			if tt.max > 0 {
				near("highest", tt.service.Time(1-1e-9), tt.max)
			}
			sum, last := 0.0, time.Duration(0)
			const steps = 1_000_000
			for i := range steps {
				d := tt.service.Time((float64(i) + 0.5) / steps)
				if d < last {
					t.Fatalf("falls from %v to %v at %v", last, d, float64(i)/steps)
				}
				sum, last = sum+float64(d), d
			}
			// The last step of a heavy tail holds what the sum leaves out.
			if mean := float64(tt.service.Mean()); math.Abs(sum/steps-mean) > 2e-4*mean {
				t.Errorf("mean %v, want %v", time.Duration(sum/steps), tt.service.Mean())
			}
			if tt.service.CPU() != tt.cpu {
				t.Errorf("CPU is %v", tt.service.CPU())
			}
		})
	}
}

func TestParseServiceRoundTrip(t *testing.T) {
	for _, s := range []string{"0s", "10ms", "1.5s", "uniform:5ms-15ms", "uniform:0s-1ms", "lognormal:10ms/100ms",
		"lognormal:10ms/149ms", "rare:10ms/3s/0.02", "cpu:rare:1ms/1s/0.5", "cpu:10ms", "cpu:uniform:5ms-15ms", "cpu:lognormal:2ms/10ms"} {
		got, err := ParseService(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		} else if got.String() != s {
			t.Errorf("%s comes back as %s", s, got)
		}
	}
}

func TestParseServiceRefuses(t *testing.T) {
	tests := map[string]string{
		"":                      "\"\" is not a duration",
		"10":                    "\"10\" is not a duration",
		"-1ms":                  "\"-1ms\" is not a duration of zero or more",
		"gamma:1ms":             "\"gamma:1ms\" is not a duration",
		"cpu:cpu:1ms":           "\"cpu:1ms\" is not a duration",
		"uniform:5ms":           "\"5ms\" is not two durations",
		"uniform:15ms-5ms":      "15ms is not below 5ms",
		"uniform:x-5ms":         "\"x\" is not a duration",
		"lognormal:10ms":        "\"10ms\" is not two durations",
		"lognormal:10ms/10ms":   "p99 lies above its mean",
		"lognormal:10ms/150ms":  "at most 15.0 times",
		"lognormal:0s/1ms":      "p99 lies above its mean",
		"lognormal:10ms/potato": "\"potato\" is not a duration",
	}
	for s, want := range tests {
		_, err := ParseService(s)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), serviceSyntax) {
			t.Errorf("%q: error %v, want one with %q and the syntax", s, err, want)
		}
	}
}

func TestServiceTimeDependsOnItsArgumentsAlone(t *testing.T) {
	s := Between{0, time.Hour}
	at := ServiceTime(s, 1, 2, 3, 4)
	if again := ServiceTime(s, 1, 2, 3, 4); again != at {
		t.Errorf("the same record took %v, then %v", at, again)
	}
	for name, other := range map[string]time.Duration{
		"seed":   ServiceTime(s, 2, 2, 3, 4),
		"repeat": ServiceTime(s, 1, 3, 3, 4),
		"key":    ServiceTime(s, 1, 2, 4, 4),
		"seq":    ServiceTime(s, 1, 2, 3, 5),
		"swap":   ServiceTime(s, 1, 2, 4, 3),
	} {
		if other == at {
			t.Errorf("another %s gives the same time", name)
		}
	}
	// Neighboring records are spread as if drawn at random.
	counts := make([]int, 100)
	const keys, seqs = 100, 500
	for key := range uint32(keys) {
		for seq := range uint32(seqs) {
			counts[ServiceTime(Between{0, 100}, 9, 1, key, seq)]++
		}
	}
	if x := chiSquare(counts, keys*seqs, func(int) float64 { return 0.01 }); x > 99+4*math.Sqrt(2*99) || x < 99-4*math.Sqrt(2*99) {
		t.Errorf("chi square %.1f with 99 degrees of freedom: %v", x, counts)
	}
}
