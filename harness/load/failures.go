package load

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

var (
	// ErrPanic is the result of [Failing.Fail] if the work must panic.
	ErrPanic = errors.New("the scenario makes the work panic")

	errPoison = fmt.Errorf("the scenario makes the work fail: %w", harness.ErrPoison)
	errFailed = errors.New("the scenario makes the work fail")
)

// Failing decides which work of one incarnation fails. It picks records by a hash of
// seed, repeat, key and seq, so that the same records fail for all consumers of a
// repeat. Each incarnation counts the failures of a record again. nil fails nothing.
// Safe for many goroutines; a record that is not picked costs no lock and no
// allocation.
type Failing struct {
	f    harness.Failures
	base uint64 // base is where the hash of this repeat starts.

	mu       sync.Mutex
	failures map[uint64]int // failures counts the failures of a picked record, by key and seq.
}

// NewFailing returns the failures of one incarnation, nil if there are none.
func NewFailing(f harness.Failures, seed uint64, repeat int) *Failing {
	if !f.Fails() {
		return nil
	}
	if f.Times == 0 {
		f.Times = 1
	}
	return &Failing{f: f, base: pickBase(seed, repeat), failures: map[uint64]int{}}
}

// pickBase is where the hash of a repeat starts.
func pickBase(seed uint64, repeat int) uint64 { return mix(seed + uint64(repeat)*golden) }

// Fail returns how the work on a record fails that began so long after the start of the
// load: with an error that wraps [harness.ErrPoison], with [ErrPanic], or with another error.
// nil is success.
func (x *Failing) Fail(key, seq uint32, at time.Duration) error {
	switch {
	case x == nil || x.f.From != 0 && at < x.f.From || x.f.To != 0 && at >= x.f.To:
		return nil
	case x.isPicked(1, x.f.Poison, key, seq):
		return errPoison
	case x.isPicked(2, x.f.Panic, key, seq):
		if x.failOnce(key, seq, 1) {
			return ErrPanic
		}
	case x.isPicked(3, x.f.Fraction, key, seq) || slices.Contains(x.f.Keys, key):
		if x.failOnce(key, seq, x.f.Times) {
			return errFailed
		}
	}
	return nil
}

// isPicked draws by the hash whether the record belongs to a fraction of all. Each
// kind of failure has its own stream of draws, and service times have another.
func (x *Failing) isPicked(kind uint64, fraction float64, key, seq uint32) bool {
	if fraction == 0 {
		return false
	}
	return isPicked(x.base, kind, fraction, key, seq)
}

func isPicked(base, kind uint64, fraction float64, key, seq uint32) bool {
	h := mix(mix(base^kind*golden) + uint64(key)<<32 + uint64(seq))
	return float64(h>>11)/(1<<53) < fraction
}

// failOnce counts a failure of a record and reports whether it is one of the first
// times.
func (x *Failing) failOnce(key, seq uint32, times int) bool {
	if times < 0 {
		return true
	}
	id := uint64(key)<<32 | uint64(seq)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failures[id] == times {
		return false
	}
	x.failures[id]++
	return true
}

// CheckFailures refuses fractions outside of 0 to 1, and failures that do not end within a
// load of this length.
func CheckFailures(f harness.Failures, length time.Duration) error {
	for _, s := range []struct {
		name     string
		fraction float64
	}{{"poison", f.Poison}, {"panic", f.Panic}, {"failing", f.Fraction}} {
		if !(s.fraction >= 0 && s.fraction <= 1) {
			return fmt.Errorf("the fraction of %s records is %v: want 0 to 1", s.name, s.fraction)
		}
	}
	switch {
	case f.Times < -1:
		return fmt.Errorf("%d failures of a record: want 1 and more, or -1 for all attempts", f.Times)
	case f.To > length:
		return fmt.Errorf("failures until %v end after the load of %v: make the load longer", f.To, length.Round(10*time.Millisecond))
	}
	return nil
}

// DescribeFailures describes failures for a report, "" if there are none.
func DescribeFailures(f harness.Failures) string {
	var words []string
	times := "the first time"
	switch {
	case f.Times < 0:
		times = "at all attempts"
	case f.Times > 1:
		times = fmt.Sprintf("the first %d times", f.Times)
	}
	describe := func(fraction float64, what string) {
		if fraction > 0 {
			words = append(words, fmt.Sprintf("%.4g %% of records %s", 100*fraction, what))
		}
	}
	describe(f.Poison, "are poison")
	describe(f.Panic, "panic the first time")
	describe(f.Fraction, "fail "+times)
	if n := len(f.Keys); n > 8 {
		words = append(words, fmt.Sprintf("records of %d keys fail %s", n, times))
	} else if n > 0 {
		words = append(words, fmt.Sprintf("records of the keys %s fail %s", strings.Trim(fmt.Sprint(f.Keys), "[]"), times))
	}
	if f.From != 0 || f.To != 0 {
		words = append(words, describePeriod(f.From, f.To))
	}
	return strings.Join(words, ", ")
}

// describePeriod is the time in which work fails.
func describePeriod(from, to time.Duration) string {
	if to == 0 {
		return fmt.Sprintf("from %v on", from)
	}
	return fmt.Sprintf("from %v to %v", from, to)
}
