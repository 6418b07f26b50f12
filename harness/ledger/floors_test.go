package ledger

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

// The writer of a journal and Seal know the same floors as a reader, and a stream yields the same events with them.
func TestFloorsAreKnownWithoutAReading(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	written, sealed := filepath.Join(t.TempDir(), "a.journal"), filepath.Join(t.TempDir(), "b.journal")
	w, err := NewWriter(written)
	if err != nil {
		t.Fatal(err)
	}
	j, err := Create(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5*blockSlots + 17 {
		at := int64(i) + random.Int64N(3*blockSlots)
		s := attempt(1, uint32(i), 0, at, at+random.Int64N(2*blockSlots))
		if err := w.Append(s); err != nil {
			t.Fatal(err)
		}
		if err := j.Append(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	found, err := Seal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for path, floors := range map[string]Floors{written: w.Floors(), sealed: found.Floors} {
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := findFloors(r); err != nil || len(floors) != 6 || !slices.Equal(floors, read) {
			t.Errorf("floors %v, a reader finds %v, %v", floors, read, err)
		}
		r.Close()
		plain, known := streamedFrom(t, File{Path: path}), streamedFrom(t, File{Path: path, Floors: floors})
		if len(plain) != 2*(5*blockSlots+17) || !slices.Equal(plain, known) {
			t.Errorf("%d events without the floors and %d with them, or in another order", len(plain), len(known))
		}
	}
}

func streamedFrom(t *testing.T, f File) (all []Event) {
	t.Helper()
	s, err := NewStream(0, f)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list := make([]Event, 0, BatchSize)
	for {
		events, err := s.Next(list)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return all
		}
		all = append(all, events...)
	}
}
