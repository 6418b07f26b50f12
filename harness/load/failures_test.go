package load

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/internal/allocs"
)

func TestFailuresAreFractionsOfTheRecords(t *testing.T) {
	const keys, seqs = 1000, 200
	f := harness.Failures{Poison: 0.01, Panic: 0.02, Fraction: 0.05, Keys: []uint32{7}, Times: 3}
	x := NewFailing(f, 1, 1)
	var poison, panics, fails int
	for key := range uint32(keys) {
		for seq := range uint32(seqs) {
			switch err := x.Fail(key, seq, 0); {
			case errors.Is(err, harness.ErrPoison):
				poison++
				for range 5 {
					if !errors.Is(x.Fail(key, seq, 0), harness.ErrPoison) {
						t.Fatal("a poison record succeeds in the end")
					}
				}
			case err == ErrPanic:
				panics++
				if err := x.Fail(key, seq, 0); err != nil {
					t.Fatalf("a record that has panicked: %v", err)
				}
			case err != nil:
				fails++
				for try := 2; try <= 5; try++ {
					if failed := x.Fail(key, seq, 0) != nil; failed != (try <= f.Times) {
						t.Fatalf("key %d seq %d, try %d: failed: %v, want it to fail three times", key, seq, try, failed)
					}
				}
			case key == 7:
				t.Fatalf("seq %d of a key that fails does not", seq)
			}
		}
	}
	for _, s := range []struct {
		name      string
		got, want float64
	}{
		{"poison", float64(poison), f.Poison * keys * seqs},
		{"panic", float64(panics), f.Panic * (1 - f.Poison) * keys * seqs},
		{"failing", float64(fails), f.Fraction*(1-f.Poison-f.Panic)*keys*seqs + seqs},
	} {
		if math.Abs(s.got-s.want) > 5*math.Sqrt(s.want) {
			t.Errorf("%s: %v records, want about %.0f", s.name, s.got, s.want)
		}
	}
}

// The same work fails for all consumers of a repeat, and other work in another
// repeat. Failures do not depend on service times.
func TestFailuresComeFromTheHash(t *testing.T) {
	f := harness.Failures{Fraction: 0.5}
	a, b, c := NewFailing(f, 1, 1), NewFailing(f, 1, 1), NewFailing(f, 1, 2)
	var differ, long int
	const n = 10_000
	for seq := range uint32(n) {
		fails := a.Fail(1, seq, 0) != nil
		if fails != (b.Fail(1, seq, 0) != nil) {
			t.Fatal("two consumers of a repeat meet different failures")
		}
		if fails != (c.Fail(1, seq, 0) != nil) {
			differ++
		}
		if fails && ServiceTime(Between{0, 100}, 1, 1, 1, seq) >= 50 {
			long++
		}
	}
	if math.Abs(float64(differ-n/2)) > 300 || math.Abs(float64(long-n/4)) > 300 {
		t.Errorf("of %d records %d differ in another repeat, want half; %d fail and are slow, want a quarter", n, differ, long)
	}
}

func TestWithoutFailuresNoWorkFails(t *testing.T) {
	x := NewFailing(harness.Failures{Times: 3}, 1, 1)
	if x != nil || x.Fail(1, 1, 0) != nil {
		t.Error("what picks nothing fails something")
	}
}

func TestFailuresOfATimeFailWorkThatBeginsThen(t *testing.T) {
	for _, f := range []harness.Failures{{Fraction: 1, Times: -1}, {Poison: 1}, {Keys: []uint32{1}, Times: 100}} {
		f.From, f.To = time.Second, 2*time.Second
		x := NewFailing(f, 1, 1)
		for at, want := range map[time.Duration]bool{-1: false, 0: false, time.Second - 1: false, time.Second: true, 2*time.Second - 1: true, 2 * time.Second: false, time.Hour: false} {
			for try := range 3 {
				if got := x.Fail(1, 7, at) != nil; got != want {
					t.Errorf("%+v: at %v, try %d: failed %v", f, at, try, got)
				}
			}
		}
	}
	if x := NewFailing(harness.Failures{Fraction: 1, From: time.Second}, 1, 1); x.Fail(1, 1, time.Hour) == nil {
		t.Error("failures without an end do not last")
	}
}

func TestFailingCountsForManyGoroutines(t *testing.T) {
	x := NewFailing(harness.Failures{Keys: []uint32{1}, Times: 10}, 1, 1)
	var failed atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if x.Fail(1, 1, 0) != nil {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if failed.Load() != 10 {
		t.Errorf("failed %d times, want 10", failed.Load())
	}
}

func TestFailingAllocatesNothingForOtherRecords(t *testing.T) {
	x := NewFailing(harness.Failures{Poison: 0.01, Panic: 1e-9, Fraction: 1e-9, Keys: []uint32{1}}, 1, 1)
	if n := allocs.PerRun(t, 1000, func() { x.Fail(2, 2, 0) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCheckFailures(t *testing.T) {
	for _, bad := range []harness.Failures{{Poison: -0.1}, {Panic: 1.1}, {Fraction: math.NaN()}, {Times: -2}, {Fraction: 1, To: 2 * time.Second}} {
		if CheckFailures(bad, time.Second) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if err := CheckFailures(harness.Failures{Poison: 1, Fraction: 0.5, Times: 3}, time.Second); err != nil {
		t.Error(err)
	}
}

func TestDescribeFailures(t *testing.T) {
	for want, f := range map[string]harness.Failures{
		"":                            {},
		"0.1 % of records are poison": {Poison: 0.001},
		"1 % of records panic the first time, 5 % of records fail the first 3 times": {Panic: 0.01, Fraction: 0.05, Times: 3},
		"records of the keys 1 2 fail the first time":                                {Keys: []uint32{1, 2}},
		"records of 9 keys fail the first time":                                      {Keys: make([]uint32, 9)},
		"100 % of records fail at all attempts, from 8s to 14s":                      {Fraction: 1, Times: -1, From: 8 * time.Second, To: 14 * time.Second},
		"1 % of records are poison, from 8s on":                                      {Poison: 0.01, From: 8 * time.Second},
	} {
		if got := DescribeFailures(f); got != want {
			t.Errorf("%+v in words: %q, want %q", f, got, want)
		}
	}
}
