package observe

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// proofOf proves the offsets from and below to of partition 1, with the key 9 and the offsets as seqs.
func proofOf(t *testing.T, offsets ...int64) *ledger.Proof {
	t.Helper()
	path, seen := filepath.Join(t.TempDir(), "sends.journal"), ledger.NewSightings(2)
	w, err := ledger.NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offsets {
		send, attempt := ledger.NewSlot(ledger.KindSend, 0).With(ledger.OutcomeAcked), ledger.NewSlot(ledger.KindAttempt, 1).With(ledger.OutcomeEffect)
		for _, s := range []*ledger.Slot{&send, &attempt} {
			s.SetRecord(&ledger.Identity{Key: 9, Seq: uint32(o)})
			s.SetPosition(ledger.Position{Partition: 1, Offset: o})
		}
		seen.AddAttempt(&attempt)
		if err := w.Append(send); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := ledger.Prove(path, seen, ledger.NewClock(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What is proven comes from the proof, and all else from the log, in the order of the log. The records in the
// log have another key here, so that they are told from those of the proof.
func TestUnprovenRecordsAreReadInTheirPlaces(t *testing.T) {
	m := inMemory(t)
	send(t, m.producer(t), "source", 1, value(thisRun, 1, 0), value(thisRun, 1, 1), value(thisRun, 1, 2), value(thisRun, 1, 3), value(thisRun, 1, 4))
	send(t, m.producer(t), "source", 0, value(thisRun, 1, 5))
	for name, tt := range map[string]struct {
		proven []int64
		want   []uint32 // want are the keys of partition 1.
	}{
		"nothing":               {nil, []uint32{1, 1, 1, 1, 1}},
		"all":                   {[]int64{0, 1, 2, 3, 4}, []uint32{9, 9, 9, 9, 9}},
		"all but the first":     {[]int64{1, 2, 3, 4}, []uint32{1, 9, 9, 9, 9}},
		"some":                  {[]int64{1, 3}, []uint32{1, 9, 1, 9, 1}},
		"more than the log has": {[]int64{3, 4, 5, 6}, []uint32{1, 1, 1, 9, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			var keys [2][]uint32
			r := NewSourceReader(m.Client, Topic{Name: "source", Partitions: 2}, thisRun, func(s ledger.Slot) error {
				if p := s.Position(); p.Partition == 1 && p.Offset != int64(len(keys[1])) {
					t.Errorf("offset %d comes as number %d", p.Offset, len(keys[1]))
				}
				keys[s.Partition] = append(keys[s.Partition], s.Key())
				return nil
			})
			proven, err := r.ReadUnproven(t.Context(), proofOf(t, tt.proven...))
			if err != nil || !slices.Equal(keys[1], tt.want) || !slices.Equal(keys[0], []uint32{1}) {
				t.Errorf("read %v, %v, want %v", keys, err, tt.want)
			}
			nines := int64(0)
			for _, k := range keys[1] {
				nines += int64(k / 9)
			}
			if proven != nines {
				t.Errorf("%d records were not read, want %d", proven, nines)
			}
			if err := r.ReadAll(t.Context()); err != nil || len(keys[1]) != 5 {
				t.Errorf("records are read a second time: %v, %v", keys, err)
			}
		})
	}
}

// A log that lost its beginning is read whole, which names what is missing.
func TestNothingIsProvenOfALogThatLostItsBeginning(t *testing.T) {
	m := inMemory(t)
	send(t, m.producer(t), "source", 1, value(thisRun, 1, 0), value(thisRun, 1, 1), value(thisRun, 1, 2))
	if err := m.DeleteRecords(t.Context(), map[int32]int64{1: 2}); err != nil {
		t.Fatal(err)
	}
	var got slots
	r := NewSourceReader(m.Client, Topic{Name: "source", Partitions: 2}, thisRun, got.emit)
	proven, err := r.ReadUnproven(t.Context(), proofOf(t, 0, 1, 2))
	if err == nil || proven != 0 || len(got.lines) != 1 {
		t.Errorf("%d records were not read, %d were, %v", proven, len(got.lines), err)
	}
}
