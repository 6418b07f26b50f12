package oracle

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/internal/control"
)

// BenchmarkJudge judges STAMPEDE_RECORDS million records (5) with a million keys, from a source that makes its
// events as it goes. It prints wall time, and CPU time without the source's, also as a multiple of a loop of fixed
// length for a million records. Memory is that of the process: B/record is without 64 bytes a key. So each size
// needs a process of its own: make bench-oracle.
func BenchmarkJudge(b *testing.B) {
	const keys = 1 << 20
	n := int64(millions(b)) * 1_000_000
	for b.Loop() {
		loop := control.Loop()
		start, used := time.Now(), measure.CPU()
		s := newStream(n, keys)
		facts := s.facts()
		s.appendAll(facts.Log)
		logged := measure.CPU() - used
		verdicts, err := judge(facts, s)
		took, used := time.Since(start), measure.CPU()-used
		if err != nil {
			b.Fatal(err)
		}
		clean(b, verdicts)
		made := -measure.CPU()
		s = newStream(n, keys)
		s.appendAll(nil)
		named := measure.CPU() + made
		for events := []ledger.Event(nil); ; {
			if events, _ = s.Next(events); len(events) == 0 {
				break
			}
		}
		made += measure.CPU()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		runtime.KeepAlive(facts)
		peak := peakMemory(b)
		loop = (loop + control.Loop()) / 2
		per := func(d time.Duration) float64 { return float64(d) / float64(n) }
		b.ReportMetric(per(used-made)*1e6/float64(loop), "loops/M-records")
		b.ReportMetric(per(took), "wall-ns/record")
		b.ReportMetric(per(used-made), "cpu-ns/record")
		b.ReportMetric(per(logged-named), "of-which-log-ns/record")
		b.ReportMetric(per(made), "source-cpu-ns/record")
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "heap-MiB")
		b.ReportMetric(peak/(1<<20), "peak-MiB")
		b.ReportMetric((peak-64*keys)/float64(n), "B/record")
		b.ReportMetric(0, "ns/op")
	}
}

func millions(b *testing.B) int {
	n := 5
	if s := os.Getenv("STAMPEDE_RECORDS"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

func clean(b *testing.B, verdicts []harness.Verdict) {
	for _, v := range verdicts {
		if v.Status != harness.Pass && v.Status != harness.NotJudged {
			b.Fatalf("%s: %s %d: %v", v.Check, v.Status, v.Count, v.Examples)
		}
	}
}

// peakMemory is that of the process in bytes.
func peakMemory(b *testing.B) float64 {
	peak, err := control.PeakMemory()
	if err != nil {
		b.Skip(err)
	}
	return float64(peak)
}

// stream is a run without a fault: 100,000 records a second over 12 partitions and four pods, with a commit a
// second. Records start and end slightly out of order, and a partition moves now and then. It allocates nothing
// as it goes.
type stream struct {
	n, keys int64
	at      int64 // the next record to be sent
	owners  [streamPartitions]partitionOwner
	moves   int64
	out     []ledger.Event
}

// partitionOwner is the owner of a partition, since which record, and the owner before.
type partitionOwner struct {
	owner, before ledger.Owner
	since         int64
}

const (
	streamPartitions = 12
	streamPods       = 4
	streamEvery      = 10 * time.Microsecond
	ackedAfter       = 100  // records later
	startedAfter     = 320  // a multiple of shuffled, so that a partition moves between two blocks
	endedAfter       = 1280 // a multiple of shuffled too, so that all that is completed is committed before a partition moves
	shuffled         = 64   // records start and end out of order within so many
	committedEvery   = 100_000
	movedEvery       = 1_000_000
)

func newStream(n, keys int64) *stream {
	return &stream{n: n, keys: keys / streamPartitions * streamPartitions, out: make([]ledger.Event, 0, 300)}
}

// record is number i of the load.
func (s *stream) record(i int64) (p int32, offset int64, key, seq uint32) {
	p, offset = int32(i%streamPartitions), i/streamPartitions
	of := s.keys / streamPartitions
	return p, offset, uint32(int64(p) + streamPartitions*(offset*7919%of)), uint32(offset / of)
}

func (s *stream) facts() *Facts {
	f := &Facts{
		Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Protocol: harness.Cooperative, Partitions: streamPartitions, Log: NewLog(),
		Session: 6 * time.Second, Heartbeat: time.Second, Commit: time.Second, Parallelism: 2 * endedAfter, Owners: []string{"", "a", "b", "c", "d"},
		DrainEnd: time.Duration(s.n+endedAfter) * streamEvery,
	}
	for p := range int64(streamPartitions) {
		f.Final = append(f.Final, (s.n-p+streamPartitions-1)/streamPartitions)
	}
	return f
}

// appendAll fills the log with all records. Without a log it only makes them.
func (s *stream) appendAll(log *Log) {
	slots := make([]ledger.Slot, 1024)
	for i := int64(0); i < s.n; {
		n := int(min(s.n-i, int64(len(slots))))
		for k := range slots[:n] {
			slots[k] = ledger.NewSlot(ledger.KindAppended, 0)
			partition, offset, key, seq := s.record(i)
			slots[k].SetPosition(ledger.Position{Partition: partition, Offset: offset})
			slots[k].SetRecord(&ledger.Identity{Key: key, Seq: seq})
			i++
		}
		if log != nil {
			log.AddAll(slots[:n])
		}
	}
}

// Next implements [Source].
func (s *stream) Next(into []ledger.Event) ([]ledger.Event, error) {
	s.out = into[:0]
	for len(s.out) < 250 && s.at < s.n+endedAfter+2*shuffled {
		now := time.Duration(s.at) * streamEvery
		if s.at%movedEvery == 0 {
			s.move(now)
		}
		s.add(ledger.EventSent, ledger.OutcomeOpen, s.at, now)
		s.add(ledger.EventAcked, ledger.OutcomeAcked, s.at-ackedAfter, now+1)
		s.add(ledger.EventEnd, ledger.OutcomeEffect, shuffle(s.at-endedAfter, 37), now+2)
		s.add(ledger.EventStart, ledger.OutcomeOpen, shuffle(s.at-startedAfter, 11), now+3)
		if s.at++; s.at%committedEvery == 0 || s.at == s.n+endedAfter+2*shuffled {
			s.commit(now + 4)
		}
	}
	return s.out, nil
}

// shuffle exchanges the records within each block.
func shuffle(i, step int64) int64 {
	if i < 0 {
		return i
	}
	return i/shuffled*shuffled + i%shuffled*step%shuffled
}

func (s *stream) add(kind ledger.EventKind, outcome ledger.Outcome, i int64, at time.Duration) {
	if i < 0 || i >= s.n {
		return
	}
	p, offset, key, seq := s.record(i)
	e := ledger.Event{
		Kind: kind, Outcome: outcome, At: at, Partition: p, Offset: offset, Key: key, Seq: seq, Due: time.Duration(i) * streamEvery,
		Sent: time.Duration(i) * streamEvery, Start: at,
	}
	if kind == ledger.EventSent {
		e.Partition, e.Offset = 0, 0
	}
	if kind == ledger.EventStart || kind == ledger.EventEnd {
		if e.Owner = s.owners[p].owner; i < s.owners[p].since {
			e.Owner = s.owners[p].before
		}
	}
	if kind == ledger.EventEnd {
		e.Start = time.Duration(shuffle(i, 35)+startedAfter)*streamEvery + 3 // 35 undoes 11
	}
	s.out = append(s.out, e)
}

// move gives a partition to the next pod, all of them in the beginning.
func (s *stream) move(now time.Duration) {
	s.moves++
	for p := range int64(streamPartitions) {
		t := &s.owners[p]
		if t.owner != 0 && p != s.moves%streamPartitions {
			continue
		}
		e := ledger.Event{At: now, Seen: now, Partition: int32(p), Membership: ledger.Membership{Generation: int32(s.moves)}}
		if t.owner != 0 {
			e.Kind, e.Owner, e.Member = ledger.EventReleased, t.owner, uint64(t.owner)
			s.out = append(s.out, e)
		}
		*t = partitionOwner{owner: ledger.Owner((p+s.moves)%streamPods + 1), before: t.owner, since: s.at - startedAfter}
		e.Kind, e.Owner, e.Member = ledger.EventOwned, t.owner, uint64(t.owner)
		s.out = append(s.out, e)
	}
}

// commit commits the completed records.
func (s *stream) commit(now time.Duration) {
	completed := max(0, min(s.n, (s.at-endedAfter)/shuffled*shuffled))
	for p := range int64(streamPartitions) {
		o := s.owners[p].owner
		s.out = append(s.out, ledger.Event{
			Kind: ledger.EventCommit, Outcome: ledger.OutcomeConfirmed, At: now, Partition: int32(p), Owner: o,
			Offset:     (completed - p + streamPartitions - 1) / streamPartitions,
			Membership: ledger.Membership{Generation: int32(s.moves), Member: uint64(o)},
		})
	}
}
