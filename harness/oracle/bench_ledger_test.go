package oracle

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/internal/control"
)

// BenchmarkJudgeLedger judges a sealed ledger of STAMPEDE_RECORDS million records (5) on disk, and scans it for
// its checksums alone. It prints CPU time a record: of the judge without reading and replaying the ledger, of
// the scan, of a replay without a judge, and the judge's as a multiple of the scan's and of a loop of fixed
// length for a million records.
func BenchmarkJudgeLedger(b *testing.B) {
	s := newStream(int64(millions(b))*1_000_000, 1<<20)
	files, err := s.write(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	appended := files[0]
	for b.Loop() {
		loop := control.Loop()
		scan := used(b, func() error { // of all files, their checksums alone
			for _, f := range files {
				if err := read(f.Path, func([]ledger.Slot) {}); err != nil {
					return err
				}
			}
			return nil
		})
		reading := used(b, func() error { // what the judge reads, without judging it
			return errors.Join(read(appended.Path, func([]ledger.Slot) {}), replay(files[1:], drain))
		})
		var verdicts []harness.Verdict
		judge := used(b, func() error {
			facts := s.facts()
			return errors.Join(read(appended.Path, facts.Log.AddAll), replay(files[1:], func(events *ledger.Stream) (err error) {
				verdicts, err = judge(facts, events)
				return err
			}))
		})
		clean(b, verdicts)
		loop = (loop + control.Loop()) / 2
		per := func(d time.Duration) float64 { return float64(d) / float64(s.n) }
		b.ReportMetric(per(judge-reading), "ns/record")
		b.ReportMetric(per(scan), "scan-ns/record")
		b.ReportMetric(float64(judge-reading)/float64(scan), "of-scan")
		b.ReportMetric(per(judge-reading)*1e6/float64(loop), "loops/M-records")
		b.ReportMetric(per(reading), "replay-ns/record")
		b.ReportMetric(per(judge), "with-replay-ns/record")
		b.ReportMetric(peakMemory(b)/(1<<20), "peak-MiB")
		b.ReportMetric(0, "ns/op")
	}
}

// used is the CPU time of fn.
func used(b *testing.B, fn func() error) time.Duration {
	before := measure.CPU()
	if err := fn(); err != nil {
		b.Fatal(err)
	}
	return measure.CPU() - before
}

// read reads a journal and calls fn for its blocks.
func read(path string, fn func([]ledger.Slot)) error {
	r, err := ledger.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Blocks(fn)
}

// replay opens journals as a stream for fn.
func replay(files []ledger.File, fn func(*ledger.Stream) error) error {
	events, err := ledger.NewStream(0, files...)
	if err != nil {
		return err
	}
	defer events.Close()
	return fn(events)
}

func drain(events *ledger.Stream) error {
	list := make([]ledger.Event, 0, ledger.BatchSize)
	for {
		batch, err := events.Next(list)
		if err != nil || len(batch) == 0 {
			return err
		}
	}
}

// write is the stream as the journals of a run: the final read first.
func (s *stream) write(dir string) (files []ledger.File, err error) {
	journals := map[string]*ledger.Journal{}
	names := []string{"appended", "sends", "observed", "pod-1", "pod-2", "pod-3", "pod-4"}
	for _, name := range names {
		path := filepath.Join(dir, name+".journal")
		j, err := ledger.Create(path)
		if err != nil {
			return nil, err
		}
		defer j.Close()
		journals[name] = j
		files = append(files, ledger.File{Path: path, Reaped: 1 << 62})
	}
	open := map[int64]*ledger.Slot{}
	for {
		events, _ := s.Next(nil)
		if len(events) == 0 {
			break
		}
		for i := range events {
			if err := s.slot(&events[i], journals, open); err != nil {
				return nil, err
			}
		}
	}
	for i, name := range names {
		closeErr := journals[name].Close() // before it is sealed
		_, sealErr := ledger.Seal(files[i].Path)
		err = errors.Join(err, closeErr, sealErr)
	}
	return files, err
}

// slot writes the slot of an event. open are the attempts in flight.
func (s *stream) slot(e *ledger.Event, journals map[string]*ledger.Journal, open map[int64]*ledger.Slot) error {
	slot := ledger.NewSlot(ledger.KindSend, e.Owner)
	id := ledger.Identity{Key: e.Key, Seq: e.Seq, Due: int64(e.Due), Sent: int64(e.Sent)}
	slot.SetPosition(e.Position())
	slot.SetRecord(&id)
	number := e.Offset*streamPartitions + int64(e.Partition)
	pod := fmt.Sprintf("pod-%d", e.Owner)
	switch e.Kind {
	case ledger.EventAcked:
		send := slot.With(ledger.OutcomeAcked)
		send.SetEnd(int64(e.At))
		record := ledger.NewSlot(ledger.KindAppended, 0).With(ledger.OutcomeConfirmed)
		record.SetPosition(e.Position())
		record.SetRecord(&ledger.Identity{Key: e.Key, Seq: e.Seq})
		return errors.Join(journals["sends"].Append(send), journals["appended"].Append(record))
	case ledger.EventStart:
		start, err := journals[pod].Reserve()
		if err != nil {
			return err
		}
		start.SetPosition(e.Position())
		start.SetRecord(&id)
		start.SetAttempt(int64(e.At), 0)
		journals[pod].Publish(start, ledger.KindAttempt, e.Owner, 0)
		open[number] = start
	case ledger.EventEnd:
		journals[pod].Finish(open[number], int64(e.At), e.Outcome)
		delete(open, number)
	case ledger.EventOwned, ledger.EventReleased:
		kind := map[ledger.EventKind]ledger.Kind{ledger.EventOwned: ledger.KindOwned, ledger.EventReleased: ledger.KindReleased}[e.Kind]
		change := ledger.NewSlot(kind, e.Owner).With(ledger.OutcomeConfirmed)
		change.Partition = e.Partition
		change.SetOwnership(e.Membership, int64(e.At), int64(e.At))
		return journals["observed"].Append(change)
	case ledger.EventCommit:
		commit := ledger.NewSlot(ledger.KindCommit, e.Owner).With(e.Outcome)
		commit.Partition = e.Partition
		commit.SetCommit(e.Membership, e.Offset, int64(e.At))
		return journals["observed"].Append(commit)
	}
	return nil
}
