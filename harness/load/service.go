package load

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// serviceSyntax shows what [ParseService] reads.
const serviceSyntax = "10ms, uniform:5ms-15ms, lognormal:10ms/100ms (mean/p99) or rare:10ms/3s/0.02 (usual/slow/share of slow), with cpu: before it to burn the time instead of sleeping it"

// Fixed is the same service time for every record. 0 is no work.
type Fixed time.Duration

// Time implements [harness.Service].
func (f Fixed) Time(float64) time.Duration { return time.Duration(f) }

// Mean implements [harness.Service].
func (f Fixed) Mean() time.Duration { return time.Duration(f) }

// CPU implements [harness.Service].
func (f Fixed) CPU() bool { return false }

func (f Fixed) String() string { return time.Duration(f).String() }

// Between draws service times uniformly from [Min, Max).
type Between struct{ Min, Max time.Duration }

// Time implements [harness.Service].
func (b Between) Time(u float64) time.Duration {
	return b.Min + time.Duration(u*float64(b.Max-b.Min))
}

// Mean implements [harness.Service].
func (b Between) Mean() time.Duration { return b.Min + (b.Max-b.Min)/2 }

// CPU implements [harness.Service].
func (b Between) CPU() bool { return false }

func (b Between) String() string { return fmt.Sprintf("uniform:%v-%v", b.Min, b.Max) }

// LogNormal draws service times from the log-normal distribution with this mean and
// this 99th percentile. Like a service behind a network, most calls are quick and a
// few are slow.
type LogNormal struct{ Average, P99 time.Duration }

// z99 is the 99th percentile of the standard normal distribution.
var z99 = math.Sqrt2 * math.Erfinv(2*0.99-1)

// parameters are mu and sigma of the logarithm in seconds. With
// mean = exp(mu + sigma^2/2) and p99 = exp(mu + z99 sigma), the logarithm of p99/mean is
// z99 sigma - sigma^2/2. It has two roots; beyond sigma = z99 a wider distribution of
// the same mean has a lower p99, so the smaller root is the right one.
func (l LogNormal) parameters() (mu, sigma float64) {
	ratio := math.Log(float64(l.P99) / float64(l.Average))
	sigma = z99 - math.Sqrt(z99*z99-2*ratio)
	return math.Log(l.Average.Seconds()) - sigma*sigma/2, sigma
}

// Time implements [harness.Service].
func (l LogNormal) Time(u float64) time.Duration {
	mu, sigma := l.parameters()
	z := math.Sqrt2 * math.Erfinv(2*u-1)
	return time.Duration(math.Exp(mu+sigma*z) * float64(time.Second))
}

// Mean implements [harness.Service].
func (l LogNormal) Mean() time.Duration { return l.Average }

// CPU implements [harness.Service].
func (l LogNormal) CPU() bool { return false }

func (l LogNormal) String() string { return fmt.Sprintf("lognormal:%v/%v", l.Average, l.P99) }

// Rare takes as long as Usual for most records and as long as Slow for a share of them: a
// call that hangs until its time-out is an example.
type Rare struct {
	Usual, Slow time.Duration
	Share       float64 // Share of the slow ones, between 0 and 1.
}

// Time implements [harness.Service].
func (r Rare) Time(u float64) time.Duration {
	if u < 1-r.Share {
		return r.Usual
	}
	return r.Slow
}

// Mean implements [harness.Service].
func (r Rare) Mean() time.Duration {
	return r.Usual + time.Duration(r.Share*float64(r.Slow-r.Usual))
}

// CPU implements [harness.Service].
func (r Rare) CPU() bool { return false }

func (r Rare) String() string {
	return fmt.Sprintf("rare:%v/%v/%s", r.Usual, r.Slow, strconv.FormatFloat(r.Share, 'g', -1, 64))
}

// cpuBound is a service that burns its time on the CPU.
type cpuBound struct{ harness.Service }

// CPU is true.
func (b cpuBound) CPU() bool { return true }

func (b cpuBound) String() string { return "cpu:" + b.Service.String() }

// ParseService reads a distribution of service times as the command line and String
// write it.
func ParseService(s string) (harness.Service, error) {
	rest, burn := strings.CutPrefix(s, "cpu:")
	service, err := parseService(rest)
	if err != nil {
		return nil, fmt.Errorf("service time %q: %w; write %s", s, err, serviceSyntax)
	}
	if burn {
		return cpuBound{service}, nil
	}
	return service, nil
}

func parseService(s string) (harness.Service, error) {
	if rest, ok := strings.CutPrefix(s, "uniform:"); ok {
		low, high, err := twoDurations(rest, "-")
		if err == nil && low >= high {
			err = fmt.Errorf("%v is not below %v", low, high)
		}
		return Between{low, high}, err
	}
	if rest, ok := strings.CutPrefix(s, "lognormal:"); ok {
		mean, p99, err := twoDurations(rest, "/")
		if err != nil {
			return nil, err
		}
		// The ratio of p99 to mean has its maximum at sigma = z99.
		if most := math.Exp(z99 * z99 / 2); mean <= 0 || p99 <= mean || float64(p99) > most*float64(mean) {
			return nil, fmt.Errorf("a log-normal p99 lies above its mean and at most %.1f times as high", most)
		}
		return LogNormal{mean, p99}, nil
	}
	if rest, ok := strings.CutPrefix(s, "rare:"); ok {
		return parseRare(rest)
	}
	d, err := duration(s)
	return Fixed(d), err
}

func parseRare(s string) (harness.Service, error) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return nil, fmt.Errorf("%q is not two durations and a share with / between them", s)
	}
	usual, slow, err := twoDurations(s[:i], "/")
	if err != nil {
		return nil, err
	}
	share, err := strconv.ParseFloat(s[i+1:], 64)
	if err != nil || !(share > 0 && share < 1) {
		return nil, fmt.Errorf("the share of slow work %q is not between 0 and 1", s[i+1:])
	}
	if usual >= slow {
		return nil, fmt.Errorf("%v is not below %v", usual, slow)
	}
	return Rare{usual, slow, share}, nil
}

func twoDurations(s, sep string) (a, b time.Duration, err error) {
	first, second, ok := strings.Cut(s, sep)
	if !ok {
		return 0, 0, fmt.Errorf("%q is not two durations with %s between them", s, sep)
	}
	if a, err = duration(first); err != nil {
		return 0, 0, err
	}
	b, err = duration(second)
	return a, b, err
}

func duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration of zero or more", s)
	}
	return d, nil
}

// ServiceTime is how long the work on a record takes. It is a hash of its arguments, so
// it is the same for every consumer and every attempt.
func ServiceTime(s harness.Service, seed uint64, repeat int, key, seq uint32) time.Duration {
	h := mix(mix(seed+uint64(repeat)*golden) + uint64(key)<<32 + uint64(seq))
	return s.Time(float64(h>>11) / (1 << 53))
}

const golden = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio, odd

// mix is the step and the output function of SplitMix64 (Steele, Lea and Flood,
// Fast Splittable Pseudorandom Number Generators, 2014): every bit of the
// input changes about half of those of the output.
func mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

var _ = []harness.Service{Fixed(0), Between{}, LogNormal{}, Rare{}, cpuBound{}}
