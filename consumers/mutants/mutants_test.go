package mutants

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

func TestComparisonsLeaveMutantsOut(t *testing.T) {
	selections, err := harness.ParseSelection("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range selections {
		if c.Implementation.Mutant {
			t.Errorf("* includes %s", c.Implementation.Name)
		}
	}
}

// recorder is work that remembers what it did.
type recorder struct {
	mu       sync.Mutex
	done     []string
	open     int
	together int // most calls at once
	pause    chan struct{}
}

func (s *recorder) Do(ctx context.Context, r *harness.Record) error {
	s.mu.Lock()
	s.open++
	s.together = max(s.together, s.open)
	s.mu.Unlock()
	if s.pause != nil {
		<-s.pause
	}
	id, err := ledger.DecodeIdentity(r.Value)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.done = append(s.done, fmt.Sprintf("%d/%d", id.Key, id.Seq))
	return err
}

func record(key, seq uint32, offset int64) *harness.Record {
	value := make([]byte, ledger.IdentitySize+5)
	ledger.Identity{Key: key, Seq: seq}.Encode(value)
	return &harness.Record{Key: fmt.Appendf(nil, "%d", key), Value: value, Offset: offset}
}

// callForRecords calls the work of a mutant for n records, with offsets from 0.
func callForRecords(t *testing.T, with func(harness.Work) harness.Work, n int) []string {
	var s recorder
	w := with(&s)
	for i := range n {
		if err := w.Do(t.Context(), record(1, uint32(i), int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	return s.done
}

func TestDroppedRecordsGetNoWork(t *testing.T) {
	done := callForRecords(t, dropPicked, 100)
	if len(done) != 98 || slices.Contains(done, "1/10") || slices.Contains(done, "1/60") {
		t.Errorf("%d of 100 done", len(done))
	}
}

func TestPickedRecordsAreRepeated(t *testing.T) {
	done := callForRecords(t, repeatPicked, 100)
	if len(done) != 102 || done[10] != "1/10" || done[11] != "1/10" {
		t.Errorf("done %v", done)
	}
}

func TestPhantomsFollowPickedRecords(t *testing.T) {
	done := callForRecords(t, addPhantoms, 100)
	if len(done) != 102 || done[10] != "1/10" || done[11] != fmt.Sprintf("1/%d", 10+phantomSeq) {
		t.Errorf("done %v", done)
	}
}

func TestStalledWorkEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s recorder
		w := stallAfterSome(&s)
		for i := range beforeStall {
			if err := w.Do(t.Context(), record(1, uint32(i), int64(i))); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Do(ctx, record(1, 99, 99)) }()
		synctest.Wait()
		if len(ended) != 0 || len(s.done) != beforeStall {
			t.Errorf("%d done and %d ended, want a stall after %d", len(s.done), len(ended), beforeStall)
		}
		cancel()
		if err := <-ended; err == nil {
			t.Error("a record whose work was not done counts as completed")
		}
	})
}

func TestPairsAreSwappedOrOverlap(t *testing.T) {
	for _, c := range []struct {
		name     string
		with     func(harness.Work) harness.Work
		together int
	}{{"swap", swapPairs, 1}, {"overlap", overlapPairs, 2}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := recorder{pause: make(chan struct{})}
				w := c.with(&s)
				var calls sync.WaitGroup
				for seq := range uint32(2) {
					calls.Go(func() { _ = w.Do(t.Context(), record(1, seq, int64(seq))) })
					synctest.Wait() // the first is there before the second comes
				}
				close(s.pause)
				calls.Wait()
				if s.together != c.together {
					t.Errorf("%d at once, want %d", s.together, c.together)
				}
				if c.name == "swap" && !slices.Equal(s.done, []string{"1/1", "1/0"}) {
					t.Errorf("done %v, want the later first", s.done)
				}
				if err := w.Do(t.Context(), record(1, 2, 2)); err != nil || len(s.done) != 3 {
					t.Errorf("a lone record: %v, done %v", err, s.done)
				}
			})
		})
	}
}

// fixedRecords is a consumer that gets a fixed number of records.
type fixedRecords int

func (n fixedRecords) Consume(ctx context.Context, _ harness.Config, w harness.Work) error {
	for i := range int(n) {
		if err := w.Do(ctx, record(uint32(i%3), uint32(i), int64(i))); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

func TestDeferredWorkIsDoneBeforeTheConsumerReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s recorder
		ctx, cancel := context.WithCancel(t.Context())
		cfg := harness.Config{Workers: 2, Window: 100, Commit: 1e9, RevokeTimeout: 1e9}
		ended := make(chan error, 1)
		go func() { ended <- deferredWork{fixedRecords(30)}.Consume(ctx, cfg, &s) }()
		synctest.Wait()
		if len(s.done) != 0 {
			t.Errorf("%d done already", len(s.done))
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if len(s.done) != 30 {
			t.Errorf("%d of 30 done", len(s.done))
		}
	})
}
