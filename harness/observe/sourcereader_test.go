package observe

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// Each record is read once: those that are to be deleted before, and all others at the end.
func TestSourceReaderReadsWhatIsToBeDeleted(t *testing.T) {
	m := inMemory(t)
	send(t, m.producer(t), "source", 1, value(thisRun, 1, 1), value(thisRun, 1, 2), value(thisRun, 1, 3), value(thisRun, 1, 4))
	var offsets []int64
	r := NewSourceReader(m.Client, Topic{Name: "source", Partitions: 2}, thisRun, func(s ledger.Slot) error {
		offsets = append(offsets, s.Offset())
		return nil
	})
	for _, below := range []int64{2, 1} { // the batch reaches past the offset, and a second deletion may ask for less
		if err := r.ReadBelow(t.Context(), map[int32]int64{1: below}); err != nil || len(offsets) != 2 {
			t.Fatalf("below %d: read %v, %v", below, offsets, err)
		}
	}
	if err := m.DeleteRecords(t.Context(), map[int32]int64{1: 2}); err != nil {
		t.Fatal(err)
	}
	if err := r.ReadAll(t.Context()); err != nil || len(offsets) != 4 || offsets[2] != 2 || offsets[3] != 3 {
		t.Errorf("in the end: read %v, %v", offsets, err)
	}
}

// Retention that the harness did not ask for leaves a gap. It is an error, and the rest is read.
func TestSourceReaderNoticesWhatWasDeletedUnread(t *testing.T) {
	m := inMemory(t)
	send(t, m.producer(t), "source", 1, value(thisRun, 1, 1), value(thisRun, 1, 2), value(thisRun, 1, 3))
	if err := m.DeleteRecords(t.Context(), map[int32]int64{1: 2}); err != nil {
		t.Fatal(err)
	}
	var got slots
	err := m.ReadAll(t.Context(), 2, thisRun, got.emit)
	if want := "the log of partition 1 begins at offset 2, and it was read up to 0"; err == nil || !strings.Contains(err.Error(), want) || len(got.lines) != 1 {
		t.Errorf("got %v and %q, want %q and the last record", err, got.lines, want)
	}
}

// A partition that is to be added later counts as empty until then.
func TestPartitionsThatAreAddedLaterAreEmpty(t *testing.T) {
	m := inMemory(t)
	topic := Topic{Name: "source", Partitions: 4, Later: 2}
	if ends, err := m.Ends(t.Context(), topic); err != nil || len(ends) != 4 {
		t.Errorf("before: %v, %v", ends, err)
	}
	if err := m.AddPartitions(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	send(t, m.producer(t), "source", 3, value(thisRun, 1, 1))
	var got slots
	r := NewSourceReader(m.Client, topic, thisRun, got.emit)
	if err := r.ReadAll(t.Context()); err != nil || len(got.lines) != 1 {
		t.Errorf("after: read %q, %v", got.lines, err)
	}
	topic.Later = 0
	topic.Partitions = 5
	if _, err := m.Ends(t.Context(), topic); err == nil {
		t.Error("a partition that should be there is missing, and that is no error")
	}
}
