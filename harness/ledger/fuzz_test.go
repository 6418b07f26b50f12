package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
	"unsafe"
)

func FuzzDecodeIdentity(f *testing.F) {
	value := make([]byte, IdentitySize+5)
	copy(value[IdentitySize:], "body!")
	Identity{Run: 7, Key: 1, Seq: 2, Due: 3, Sent: 4}.Encode(value)
	f.Add(value)
	f.Add(value[:IdentitySize])
	f.Add([]byte{1, 0, 'T', 'S'})
	f.Fuzz(func(t *testing.T, value []byte) {
		was := slices.Clone(value)
		id, err := DecodeIdentity(value)
		switch {
		case !bytes.Equal(value, was):
			t.Fatal("the value was changed")
		case errors.Is(err, ErrNoIdentity):
			if id != (Identity{}) {
				t.Fatalf("%+v of a value without an identity", id)
			}
		case errors.Is(err, ErrChecksum):
			id.Encode(value) // with its checksum set right it is the value that it says it is
			if got, err := DecodeIdentity(value); err != nil || got != id {
				t.Fatalf("%+v and %v, want %+v", got, err, id)
			}
		case err != nil:
			t.Fatalf("an error of no kind: %v", err)
		default:
			if id.Encode(value); !bytes.Equal(value, was) {
				t.Fatalf("decoded and encoded again: % x, was % x", value, was)
			}
		}
	})
}

// seeds are journals: some slots of every kind, alone, sealed, torn and damaged.
func seeds(f *testing.F) {
	var slots []Slot
	for k := KindSend; k <= KindText+1; k++ {
		s := NewSlot(k, 3).With(Outcome(k % 9))
		s.offset, s.due, s.sent, s.start, s.end = int64(k), 5, 50-int64(k), 100-int64(k), 200
		slots = append(slots, s)
	}
	raw := bytesOf(slots)
	path := filepath.Join(f.TempDir(), "seed.journal")
	f.Add(raw, uint(9))
	f.Add(raw[:len(raw)-7], uint(100))
	f.Add(append(slices.Clone(raw), make([]byte, 3*SlotSize)...), uint(0))
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		f.Fatal(err)
	}
	if _, err := Seal(path); err != nil {
		f.Fatal(err)
	}
	sealed, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, uint(1))
	f.Add(sealed[SlotSize:], uint(1))
	f.Add(sealed[len(sealed)-SlotSize:], uint(1))
}

func bytesOf(slots []Slot) []byte {
	return slices.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&slots[0])), len(slots)*SlotSize))
}

// FuzzReaders gives arbitrary bytes to every reader of journals: tail, reader
// and stream agree on what is there, and nothing is read that is not.
func FuzzReaders(f *testing.F) {
	seeds(f)
	path := filepath.Join(f.TempDir(), "a.journal")
	f.Fuzz(func(t *testing.T, data []byte, epoch uint) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		most := len(data) / SlotSize
		tailed(t, path, most)
		slots, err := slotsOf(path)
		if err != nil && !errors.Is(err, ErrCorrupt) || len(slots) > most {
			t.Fatalf("%d slots of %d bytes, %v", len(slots), len(data), err)
		}
		events, sorted, streamErr := streamed(path, int64(epoch))
		if (streamErr == nil) != (err == nil) || !sorted || events > 2*len(slots) {
			t.Fatalf("%d slots (%v), %d events (%v), sorted: %v", len(slots), err, events, streamErr, sorted)
		}
	})
}

// FuzzSeal seals arbitrary bytes: what can be read stays the same, and any bit
// that flips afterwards is found.
func FuzzSeal(f *testing.F) {
	seeds(f)
	path := filepath.Join(f.TempDir(), "a.journal")
	f.Fuzz(func(t *testing.T, data []byte, flip uint) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		before, err := slotsOf(path)
		if err != nil {
			return // a damaged seal: FuzzReaders looks at those
		}
		if _, err := Seal(path); err != nil {
			t.Fatal(err)
		}
		after, err := slotsOf(path)
		if err != nil || !slices.Equal(before, after) {
			t.Fatalf("%d slots before the seal, %d after it, %v", len(before), len(after), err)
		}
		sealed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bit := flip % uint(8*len(sealed))
		sealed[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, sealed, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := slotsOf(path); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d of %d flipped: %v", bit, 8*len(sealed), err)
		}
	})
}

func slotsOf(path string) (slots []Slot, err error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	err = r.Each(func(s *Slot) { slots = append(slots, *s) })
	return slots, err
}

// tailed follows a journal until nothing more comes: no more may come than is there.
// A look may stop short, at a stretch of slots that were reserved and never published.
func tailed(t *testing.T, path string, most int) {
	tail, err := Follow(path)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	seen := 0
	for before := -1; before < seen; {
		before = seen
		open, err := tail.Poll(func(*Slot) { seen++ })
		if err != nil || seen+open > most {
			t.Fatalf("%d finished and %d open of at most %d slots, %v", seen, open, most, err)
		}
	}
}

// streamed replays one journal and tells how many events it has, and whether in
// the order of their times.
func streamed(path string, epoch int64) (n int, sorted bool, err error) {
	s, err := NewStream(epoch, File{Path: path, Reaped: 1 << 40})
	if err != nil {
		return 0, true, err
	}
	defer s.Close()
	sorted = true
	last := time.Duration(-1 << 63)
	list := make([]Event, 0, BatchSize)
	for {
		events, err := s.Next(list)
		if err != nil || len(events) == 0 {
			return n, sorted, err
		}
		for i := range events {
			sorted = sorted && events[i].At >= last
			last = events[i].At
		}
		n += len(events)
	}
}
