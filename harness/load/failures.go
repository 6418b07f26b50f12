package load

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stampede-bench/stampede/harness"
)

var (
	// ErrPanic is what [Failing.Fail] returns where the work is to panic.
	ErrPanic = errors.New("the work panics, as the scenario wants it")

	errPoison = fmt.Errorf("as the scenario wants it: %w", harness.ErrPoison)
	errFailed = errors.New("the work failed, as the scenario wants it")
)

// Failing says which of the work of one incarnation fails. What it picks comes
// from a hash of seed, repeat, key and seq, so that all consumers of a repeat
// meet the same; how often it failed already each incarnation counts for
// itself. nil fails nothing. Safe for many goroutines: no lock is taken, and
// nothing allocated, for a record that is not picked.
type Failing struct {
	f    harness.Failures
	base uint64 // of the hash

	mu       sync.Mutex
	failures map[uint64]int // failures has the attempts failed so far at records picked, by key and seq
}

// NewFailing returns what fails the work of one incarnation, or nil if nothing does.
func NewFailing(f harness.Failures, seed uint64, repeat int) *Failing {
	if f.Poison == 0 && f.Panic == 0 && f.Fraction == 0 && len(f.Keys) == 0 {
		return nil
	}
	if f.Times == 0 {
		f.Times = 1
	}
	return &Failing{f: f, base: mix(seed + uint64(repeat)*golden), failures: map[uint64]int{}}
}

// Fail is how the attempt at a record fails that would have succeeded by now:
// by an error that wraps [harness.ErrPoison], by [ErrPanic], by another error,
// or not at all, which is nil.
func (x *Failing) Fail(key, seq uint32) error {
	switch {
	case x == nil:
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

// isPicked draws by the hash whether the record is in a share of all; each kind of
// failure has a stream of draws of its own, apart from that of service times.
func (x *Failing) isPicked(kind uint64, share float64, key, seq uint32) bool {
	if share == 0 {
		return false
	}
	h := mix(mix(x.base^kind*golden) + uint64(key)<<32 + uint64(seq))
	return float64(h>>11)/(1<<53) < share
}

// failOnce reports, and counts, one of the first failures of a record.
func (x *Failing) failOnce(key, seq uint32, times int) bool {
	id := uint64(key)<<32 | uint64(seq)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failures[id] == times {
		return false
	}
	x.failures[id]++
	return true
}

// CheckFailures refuses shares that are none.
func CheckFailures(f harness.Failures) error {
	for _, s := range []struct {
		name  string
		share float64
	}{{"poison", f.Poison}, {"panic", f.Panic}, {"failing", f.Fraction}} {
		if !(s.share >= 0 && s.share <= 1) {
			return fmt.Errorf("the share of %s records is %v: want one from 0 to 1", s.name, s.share)
		}
	}
	if f.Times < 0 {
		return fmt.Errorf("failing %d times: want 1 and more", f.Times)
	}
	return nil
}

// DescribeFailures is for reports; "" where nothing fails.
func DescribeFailures(f harness.Failures) string {
	var words []string
	times := "the first time"
	if f.Times > 1 {
		times = fmt.Sprintf("the first %d times", f.Times)
	}
	share := func(share float64, what string) {
		if share > 0 {
			words = append(words, fmt.Sprintf("%.4g %% of records %s", 100*share, what))
		}
	}
	share(f.Poison, "are poison")
	share(f.Panic, "panic the first time")
	share(f.Fraction, "fail "+times)
	if n := len(f.Keys); n > 8 {
		words = append(words, fmt.Sprintf("those of %d keys fail %s", n, times))
	} else if n > 0 {
		words = append(words, fmt.Sprintf("those of the keys %s fail %s", strings.Trim(fmt.Sprint(f.Keys), "[]"), times))
	}
	return strings.Join(words, ", ")
}
