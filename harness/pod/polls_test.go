package pod

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// pausedOrDead is the gate of a pod that is paused, or dead.
type pausedOrDead struct {
	gate
	dead bool
}

func (g pausedOrDead) lockUnlessDead() bool { return !g.dead }
func (g pausedOrDead) unlockJournal()       {}

// The journal has the polls of a paused pod, without a wait, and none of a dead one.
func TestPollsAreJournaledUnlessThePodIsDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	journal, err := ledger.CreateSmall(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newShim(Spec{Service: "0s", Owner: 5, Topics: []string{"source", "retry"}}, journal, ledger.NewClock(), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	began := s.clock.Now()
	s.notePoll("source", 3, 10, 12)
	s.gate = pausedOrDead{}
	s.notePoll("retry", 1, 7, 8)
	s.gate = pausedOrDead{dead: true}
	s.notePoll("source", 3, 12, 14)
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	events, err := ledger.NewStream(0, ledger.File{Path: path, Reaped: 1 << 62})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	got, err := events.Next(make([]ledger.Event, 0, ledger.BatchSize))
	if err != nil || len(got) != 2 {
		t.Fatalf("%d events, %v; want 2", len(got), err)
	}
	for i, want := range []ledger.Event{{Topic: 0, Partition: 3, Offset: 10, To: 12}, {Topic: 1, Partition: 1, Offset: 7, To: 8}} {
		e := got[i]
		if e.Kind != ledger.EventPolled || e.Owner != 5 || e.Topic != want.Topic || e.Partition != want.Partition || e.Offset != want.Offset || e.To != want.To || int64(e.At) < began {
			t.Errorf("event %d is %+v, want a poll of %+v", i, e, want)
		}
	}
}

// BenchmarkShimPolls is what a poll costs a record of the shim: records in polls of 1, 10 and 100,
// as a multiple of the CPU time of the same records without. Each round measures both, one after
// the other.
func BenchmarkShimPolls(b *testing.B) {
	for _, size := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("poll=%d", size), func(b *testing.B) {
			const records = 20_000
			var with, without int64
			for b.Loop() {
				without += workOn(b, records, 0)
				with += workOn(b, records, size)
			}
			b.ReportMetric(float64(with)/float64(without), "of-shim")
			b.ReportMetric(float64(with-without)/float64(b.N*records), "cpu-ns/record")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// workOn is the CPU time of work on records without a service time. Each size of them come in a
// poll; 0 notes no polls.
func workOn(b *testing.B, records, size int) int64 {
	s, _ := testShim(b, "0s")
	r := testRecord(ledger.Identity{Run: testRun, Key: 1})
	before := cpuTime(b)
	for n := range records {
		if size > 0 && n%size == 0 {
			s.notePoll("source", 3, int64(n), int64(n+size))
		}
		s.Do(b.Context(), r)
	}
	return cpuTime(b) - before
}
