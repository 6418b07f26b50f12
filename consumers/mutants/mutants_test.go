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
	choices, err := harness.ParseSelection("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range choices {
		if c.Implementation.Mutant {
			t.Errorf("* stands for %s", c.Implementation.Name)
		}
	}
}

// seen is work that writes down what it did, with an effect at each end.
type seen struct {
	mu       sync.Mutex
	done     []string
	open     int
	together int // most calls at once
	pause    chan struct{}
}

func (s *seen) Do(ctx context.Context, r *harness.Record) error {
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

// through calls a mutant's work for n records, offsets from 0.
func through(t *testing.T, with func(harness.Work) harness.Work, n int) []string {
	var s seen
	w := with(&s)
	for i := range n {
		if err := w.Do(t.Context(), record(1, uint32(i), int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	return s.done
}

func TestDropSwallows(t *testing.T) {
	done := through(t, drop, 100)
	if len(done) != 98 || slices.Contains(done, "1/10") || slices.Contains(done, "1/60") {
		t.Errorf("%d of 100 done", len(done))
	}
}

func TestTwiceRepeats(t *testing.T) {
	done := through(t, twice, 100)
	if len(done) != 102 || done[10] != "1/10" || done[11] != "1/10" {
		t.Errorf("done %v", done)
	}
}

func TestPhantomInvents(t *testing.T) {
	done := through(t, phantom, 100)
	if len(done) != 102 || done[10] != "1/10" || done[11] != fmt.Sprintf("1/%d", 10+beyond) {
		t.Errorf("done %v", done)
	}
}

func TestStallStopsUntilItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s seen
		w := stall(&s)
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
			t.Error("a record without effect counts as done")
		}
	})
}

func TestSwapSwapsAndOverlapOverlaps(t *testing.T) {
	for _, c := range []struct {
		name     string
		with     func(harness.Work) harness.Work
		together int
	}{{"swap", swap, 1}, {"overlap", overlap, 2}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := seen{pause: make(chan struct{})}
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

// fetching is a consumer that has a fixed number of records.
type fetching int

func (n fetching) Consume(ctx context.Context, _ harness.Config, w harness.Work) error {
	for i := range int(n) {
		if err := w.Do(ctx, record(uint32(i%3), uint32(i), int64(i))); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

func TestEarlyKeepsItsPromisesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s seen
		ctx, cancel := context.WithCancel(t.Context())
		cfg := harness.Config{Workers: 2, Window: 100, Commit: 1e9, Drain: 1e9}
		ended := make(chan error, 1)
		go func() { ended <- early{fetching(30)}.Consume(ctx, cfg, &s) }()
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
