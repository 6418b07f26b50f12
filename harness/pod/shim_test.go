package pod

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

const testRun = 11

// testShim journals to a file that journal names.
func testShim(t testing.TB, service string) (s *shim, journal string) {
	t.Helper()
	journal = filepath.Join(t.TempDir(), "journal")
	j, err := ledger.Create(journal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	s, err = newShim(Spec{Service: service, Topics: []string{"source", "retry"}, Run: testRun, Owner: 5}, j, ledger.NewClock(), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return s, journal
}

func testRecord(id ledger.Identity) *harness.Record {
	r := &harness.Record{Topic: "source", Partition: 3, Offset: 42, Key: ledger.AppendKey(nil, id.Key), Value: make([]byte, 100)}
	id.Encode(r.Value)
	return r
}

func readSlots(t *testing.T, path string) (slots []ledger.Slot) {
	t.Helper()
	r, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Each(func(s *ledger.Slot) { slots = append(slots, *s) }); err != nil {
		t.Fatal(err)
	}
	return slots
}

func TestShimJournalsAnEffect(t *testing.T) {
	s, journal := testShim(t, "0s")
	before := s.clock.Now()
	if err := s.Do(t.Context(), testRecord(ledger.Identity{Run: testRun, Key: 8, Seq: 9, Due: 10, Sent: 20})); err != nil {
		t.Fatal(err)
	}
	slots := readSlots(t, journal)
	if len(slots) != 1 {
		t.Fatalf("%d slots, want 1", len(slots))
	}
	got := &slots[0]
	if got.Kind() != ledger.KindAttempt || got.Owner() != 5 || got.Outcome() != ledger.OutcomeEffect ||
		got.Position() != (ledger.Position{Partition: 3, Offset: 42}) ||
		got.Key() != 8 || got.Seq() != 9 || got.Due() != 10 || got.Sent() != 20 {
		t.Errorf("slot %+v, %v", *got, got.Outcome())
	}
	if got.Start() < before || got.End() < got.Start() || got.End() > s.clock.Now() {
		t.Errorf("from %d to %d, called after %d", got.Start(), got.End(), before)
	}
}

// signalled is a service time that signals its first call. The attempt has started
// before that.
type signalled struct {
	harness.Service
	asked chan struct{}
}

func (s signalled) Time(u float64) time.Duration {
	close(s.asked)
	return s.Service.Time(u)
}

func TestShimJournalsACancelledAttempt(t *testing.T) {
	s, journal := testShim(t, "1h")
	begun := make(chan struct{})
	s.service = signalled{s.service, begun}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Do(ctx, testRecord(ledger.Identity{Run: testRun})) }()
	<-begun
	if o := readSlots(t, journal)[0].Outcome(); o != ledger.OutcomeOpen {
		t.Errorf("outcome %v while it works", o)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if o := readSlots(t, journal)[0].Outcome(); o != ledger.OutcomeCancelled {
		t.Errorf("outcome %v", o)
	}
	if err := s.Do(ctx, testRecord(ledger.Identity{Run: testRun})); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the end", err)
	}
	if n := len(readSlots(t, journal)); n != 1 {
		t.Errorf("%d attempts, want no attempt after the end", n-1)
	}
}

func TestShimJournalsForeignRecords(t *testing.T) {
	for name, r := range map[string]*harness.Record{
		"no identity": {Partition: 3, Offset: 42, Value: []byte("hello")},
		"other run":   testRecord(ledger.Identity{Run: testRun + 1, Key: 1, Due: 5, Sent: 6}),
	} {
		t.Run(name, func(t *testing.T) {
			s, journal := testShim(t, "0s")
			if err := s.Do(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			got := readSlots(t, journal)[0]
			if corrupt := got.Flags == ledger.FlagCorrupt; corrupt != (name == "no identity") {
				t.Errorf("flags %v", got.Flags)
			}
			if got.Key() != ledger.NoIdentity || got.Seq() != ledger.NoIdentity || got.Offset() != 42 || got.Due() != got.Start() || got.Sent() != got.Start() {
				t.Errorf("slot %+v", got)
			}
		})
	}
}

func TestShimMarksAnAlteredRecord(t *testing.T) {
	s, journal := testShim(t, "0s")
	altered := testRecord(ledger.Identity{Run: testRun, Key: 1, Seq: 2})
	altered.Value[99]++
	if err := s.Do(t.Context(), altered); err != nil {
		t.Fatal(err)
	}
	if got := readSlots(t, journal)[0]; got.Key() != 1 || got.Seq() != 2 || got.Flags != ledger.FlagCorrupt {
		t.Errorf("slot %+v", got)
	}
}

// The partition depends on the key, whatever identity the value holds.
func TestShimMarksARecordUnderAnotherKey(t *testing.T) {
	s, journal := testShim(t, "0s")
	record := testRecord(ledger.Identity{Run: testRun, Key: 12, Seq: 2})
	for _, key := range []string{"", "12", "key-1", "key-012", "key-13", "key-12 and much more"} {
		record.Key = []byte(key)
		if err := s.Do(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	for i, got := range readSlots(t, journal) {
		if got.Key() != 12 || got.Seq() != 2 || got.Flags != ledger.FlagCorrupt {
			t.Errorf("attempt %d: slot %+v", i+1, got)
		}
	}
}

func TestShimNumbersTopicsAndDeliveries(t *testing.T) {
	s, journal := testShim(t, "0s")
	for name, want := range map[string]uint16{"source": 0, "retry": 1, "stranger": unknownTopic} {
		r := testRecord(ledger.Identity{Run: testRun})
		r.Topic, r.Deliveries = name, 300
		if err := s.Do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		slots := readSlots(t, journal)
		if got := slots[len(slots)-1]; got.Topic != want || got.Deliveries() != 255 {
			t.Errorf("%s: slot %+v, want topic %d", name, got, want)
		}
	}
}

// A failure that the scenario asks for is in the journal as an error before Do returns
// or panics. The record can be retried like any other.
func TestShimFailsAsTheScenarioSays(t *testing.T) {
	record := testRecord(ledger.Identity{Run: testRun, Key: 8, Seq: 9})
	for name, tt := range map[string]struct {
		failures harness.Failures
		outcomes []ledger.Outcome
		panics   bool
		is       error
	}{
		"fails twice": {harness.Failures{Keys: []uint32{8}, Times: 2}, []ledger.Outcome{ledger.OutcomeError, ledger.OutcomeError, ledger.OutcomeEffect}, false, nil},
		"poison":      {harness.Failures{Poison: 1}, []ledger.Outcome{ledger.OutcomePoison, ledger.OutcomePoison, ledger.OutcomePoison}, false, harness.ErrPoison},
		"panics":      {harness.Failures{Panic: 1}, []ledger.Outcome{ledger.OutcomeError, ledger.OutcomeEffect, ledger.OutcomeEffect}, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, journal := testShim(t, "0s")
			s.failing = load.NewFailing(tt.failures, 1, 1)
			for i, want := range tt.outcomes {
				err, panicked := try(t.Context(), s, record)
				if panicked != (tt.panics && i == 0) || !panicked && (err != nil) != (want == ledger.OutcomeError || want == ledger.OutcomePoison) || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("attempt %d: error %v, panicked: %v", i+1, err, panicked)
				}
			}
			if err, panicked := try(t.Context(), s, &harness.Record{Value: []byte("no identity")}); err != nil || panicked {
				t.Errorf("a record without identity: error %v, panicked: %v", err, panicked)
			}
			for i, slot := range readSlots(t, journal) {
				if i < len(tt.outcomes) && slot.Outcome() != tt.outcomes[i] {
					t.Errorf("attempt %d: outcome %v, want %v", i+1, slot.Outcome(), tt.outcomes[i])
				}
			}
		})
	}
}

func try(ctx context.Context, s *shim, r *harness.Record) (err error, panicked bool) {
	defer func() { panicked = recover() != nil }()
	return s.Do(ctx, r), false
}

func TestShimFailsWithItsJournal(t *testing.T) {
	s, _ := testShim(t, "0s")
	if err := s.journal.Close(); err != nil {
		t.Fatal(err)
	}
	var failed error
	s.failPod = func(err error) { failed = err }
	if err := s.Do(t.Context(), testRecord(ledger.Identity{Run: testRun})); err == nil || !errors.Is(failed, os.ErrClosed) {
		t.Errorf("error %v, failed with %v", err, failed)
	}
}

// BenchmarkShim is the cost of the shim itself with its journal: Do with work that takes
// no time. In addition to the time it reports the CPU time, which depends less on how
// busy the machine is.
func BenchmarkShim(b *testing.B) {
	for _, workers := range []int{1, 2, 8, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", workers), func(b *testing.B) {
			s, _ := testShim(b, "0s")
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime(b)
			var running sync.WaitGroup
			for i := range workers {
				running.Go(func() {
					r := testRecord(ledger.Identity{Run: testRun, Key: 1})
					for range (b.N + i) / workers {
						s.Do(ctx, r)
					}
				})
			}
			running.Wait()
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpuTime is what this process has used, in ns.
func cpuTime(t testing.TB) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
