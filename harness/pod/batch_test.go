package pod

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/internal/allocs"
)

// testBatch are n records of key 8, seq and offset from 0.
func testBatch(n int) (records []harness.Record) {
	for i := range n {
		r := testRecord(ledger.Identity{Run: testRun, Key: 8, Seq: uint32(i)})
		r.Offset = int64(i)
		records = append(records, *r)
	}
	return records
}

func TestBatchIsJournalledAsOneCall(t *testing.T) {
	s, journal := testShim(t, "0s")
	for range 2 {
		if err := s.DoBatch(t.Context(), testBatch(3)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Do(t.Context(), testRecord(ledger.Identity{Run: testRun})); err != nil {
		t.Fatal(err)
	}
	if err := s.DoBatch(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	slots := readSlots(t, journal)
	if len(slots) != 7 {
		t.Fatalf("%d slots, want one a record", len(slots))
	}
	for i := range 6 {
		got, first := &slots[i], &slots[i/3*3]
		if got.Kind() != ledger.KindAttempt || got.Owner() != 5 || got.Outcome() != ledger.OutcomeEffect || got.Offset() != int64(i%3) || got.Seq() != uint32(i%3) {
			t.Errorf("slot %d: %+v, %v", i, *got, got.Outcome())
		}
		if got.Call() != uint32(1+i/3) || got.Start() != first.Start() || got.End() != first.End() || got.End() < got.Start() {
			t.Errorf("slot %d is of call %d, from %d to %d", i, got.Call(), got.Start(), got.End())
		}
	}
	if call := slots[6].Call(); call != 0 {
		t.Errorf("a call for one record has the number %d", call)
	}
}

func TestBatchTakesAsLongAsItsLongestRecord(t *testing.T) {
	s, journal := testShim(t, "uniform:1ms-20ms")
	records := testBatch(4)
	longest := time.Duration(0)
	for i := range records {
		longest = max(longest, s.serviceTime(8, uint32(i)))
	}
	if err := s.DoBatch(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if slot := readSlots(t, journal)[0]; time.Duration(slot.End()-slot.Start()) < longest {
		t.Errorf("took %v, want %v", time.Duration(slot.End()-slot.Start()), longest)
	}
}

// Before its end a call leaves all attempts open. The end of its context cancels all.
func TestBatchStaysOpenAsAWhole(t *testing.T) {
	s, journal := testShim(t, "1h")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.DoBatch(ctx, testBatch(3)) }()
	for len(readSlots(t, journal)) < 3 {
		time.Sleep(time.Millisecond)
	}
	for _, slot := range readSlots(t, journal) {
		if slot.Outcome() != ledger.OutcomeOpen {
			t.Errorf("outcome %v while it works", slot.Outcome())
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := s.DoBatch(ctx, testBatch(3)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the end", err)
	}
	slots := readSlots(t, journal)
	if len(slots) != 3 {
		t.Errorf("%d attempts, want no attempt after the end", len(slots))
	}
	for _, slot := range slots {
		if slot.Outcome() != ledger.OutcomeCancelled {
			t.Errorf("outcome %v", slot.Outcome())
		}
	}
}

func TestBatchFailsAsAWhole(t *testing.T) {
	for name, tt := range map[string]struct {
		failures harness.Failures
		want     []error // of each call; ErrPanic for a panic
	}{
		"fails twice": {harness.Failures{Keys: []uint32{8}, Times: 2}, []error{errors.New("once"), errors.New("again"), nil}},
		"poison":      {harness.Failures{Poison: 1}, []error{harness.ErrPoison, harness.ErrPoison}},
		"panics":      {harness.Failures{Panic: 1}, []error{load.ErrPanic, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			s, journal := testShim(t, "0s")
			s.failing = load.NewFailing(tt.failures, 1, 1)
			for i, want := range tt.want {
				err, panicked := tryBatch(t.Context(), s, testBatch(3))
				if panicked != (want == load.ErrPanic) || !panicked && (err != nil) != (want != nil) || errors.Is(want, harness.ErrPoison) != errors.Is(err, harness.ErrPoison) {
					t.Errorf("call %d: error %v, panicked: %v", i+1, err, panicked)
				}
			}
			for i, slot := range readSlots(t, journal) {
				want := ledger.OutcomeEffect
				if tt.want[i/3] != nil {
					want = ledger.OutcomeError
				}
				if errors.Is(tt.want[i/3], harness.ErrPoison) {
					want = ledger.OutcomePoison
				}
				if slot.Outcome() != want {
					t.Errorf("attempt %d: outcome %v, want %v", i+1, slot.Outcome(), want)
				}
			}
		})
	}
}

// Among the failures in a call a panic comes before poison, and poison before other
// failures, in any order of the records.
func TestBatchFailsByItsWorstRecord(t *testing.T) {
	failures := harness.Failures{Poison: 0.1, Panic: 0.1, Fraction: 0.3, Times: 1000}
	alone := load.NewFailing(failures, 1, 1)
	kinds := map[string]bool{}
	for from := 0; from < 400; from += 4 {
		s, _ := testShim(t, "0s")
		s.failing = load.NewFailing(failures, 1, 1)
		worst := "fine"
		rank := map[string]int{"fine": 0, "failed": 1, "poison": 2, "panic": 3}
		for seq := from; seq < from+4; seq++ {
			kind := "fine"
			switch err := alone.Fail(8, uint32(seq), 0); {
			case err == load.ErrPanic:
				kind = "panic"
			case errors.Is(err, harness.ErrPoison):
				kind = "poison"
			case err != nil:
				kind = "failed"
			}
			if rank[kind] > rank[worst] {
				worst = kind
			}
		}
		err, panicked := tryBatch(t.Context(), s, testBatch(from + 4)[from:])
		got := "fine"
		switch {
		case panicked:
			got = "panic"
		case errors.Is(err, harness.ErrPoison):
			got = "poison"
		case err != nil:
			got = "failed"
		}
		if kinds[got] = true; got != worst {
			t.Errorf("records %d to %d: %s, want %s", from, from+3, got, worst)
		}
	}
	if len(kinds) != 4 {
		t.Errorf("only %v happened", kinds)
	}
}

func tryBatch(ctx context.Context, s *shim, records []harness.Record) (err error, panicked bool) {
	defer func() { panicked = recover() != nil }()
	return s.DoBatch(ctx, records), false
}

func TestBatchAllocatesNothing(t *testing.T) {
	s, _ := testShim(t, "0s")
	records := testBatch(20)
	ctx := context.Background()
	if n := allocs.PerRun(t, 500, func() { s.DoBatch(ctx, records) }); n >= 1 {
		t.Errorf("%v allocations a call", n) // a window of the journal now and then is less than one
	}
}

// BenchmarkShimBatch is the cost of the shim for a record in a call of DoBatch.
func BenchmarkShimBatch(b *testing.B) {
	for _, size := range []int{1, 20} {
		b.Run(fmt.Sprintf("records=%d", size), func(b *testing.B) {
			s, _ := testShim(b, "0s")
			records, ctx := testBatch(size), context.Background()
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime(b)
			for range (b.N + size - 1) / size {
				s.DoBatch(ctx, records)
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}
