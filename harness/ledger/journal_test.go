package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func create(t *testing.T) (*Journal, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.journal")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, path
}

func attempt(owner Owner, key, seq uint32, offset, start int64) Slot {
	s := NewSlot(KindAttempt, owner)
	s.key, s.seq, s.offset, s.start = key, seq, offset, start
	return s
}

// add appends a slot that is open.
func add(j *Journal, s Slot) (*Slot, error) {
	at, err := j.Reserve()
	if err != nil {
		return nil, err
	}
	kind, owner := s.Kind(), s.Owner()
	s.state = 0
	*at = s
	j.Publish(at, kind, owner, 0)
	return at, nil
}

func read(t *testing.T, path string) (all []Slot) {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Each(func(s *Slot) { all = append(all, *s) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestJournalKeepsEverySlotOfManyWriters(t *testing.T) {
	j, path := create(t)
	const writers, each = 8, 3 * mappingSlots / 8
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				s, err := add(j, attempt(7, uint32(w), uint32(i), int64(i), int64(i)))
				if err != nil {
					t.Error(err)
					return
				}
				if i%10 != 0 {
					j.Finish(s, int64(i)+5, OutcomeEffect)
				}
			}
		})
	}
	wg.Wait()
	next := map[uint32]uint32{}
	for _, s := range read(t, path) { // read with the mappings still mapped, as after a SIGKILL
		if s.seq != next[s.key] || s.Owner() != 7 || s.Kind() != KindAttempt {
			t.Fatalf("writer %d: seq %d of owner %d, want seq %d of owner 7", s.key, s.seq, s.Owner(), next[s.key])
		}
		next[s.key]++
		want, end := OutcomeEffect, int64(s.seq)+5
		if s.seq%10 == 0 {
			want, end = OutcomeOpen, 0
		}
		if s.Outcome() != want || s.end != end {
			t.Fatalf("seq %d: %v at %d, want %v at %d", s.seq, s.Outcome(), s.end, want, end)
		}
	}
	for w := range uint32(writers) {
		if next[w] != each {
			t.Errorf("writer %d: %d slots read, %d written", w, next[w], each)
		}
	}
}

func TestJournalUsesFramesAgain(t *testing.T) {
	j, path := create(t)
	stuck, err := add(j, attempt(1, 0, 0, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	const n = 5*mappingSlots + 1
	for i := range n - 1 {
		if err := j.Append(attempt(1, 0, uint32(i+1), 0, 0).With(OutcomeEffect)); err != nil {
			t.Fatal(err)
		}
	}
	if j.frames.n != 2 {
		t.Errorf("%d frames, want that of the open slot and one that moves on", j.frames.n)
	}
	if got := len(j.mappings.Load().list); got != 6 {
		t.Errorf("%d mappings from the first in use on, want 6", got)
	}
	j.Finish(stuck, 1, OutcomeEffect)
	if got := j.mappings.Load(); got.first != 5 || len(got.list) != 1 {
		t.Errorf("mappings %d to %d are in use, want the last alone", got.first, got.first+int64(len(got.list))-1)
	}
	for i, s := range read(t, path) {
		if s.seq != uint32(i) {
			t.Fatalf("slot %d is that of seq %d", i, s.seq)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(read(t, path)); got != n {
		t.Errorf("%d slots after the end, want %d", got, n)
	}
	if _, err := os.Stat(path + framesExt); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the frame file is still there (%v)", err)
	}
}

func TestSmallJournalKeepsEverySlot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.journal")
	j, err := CreateSmall(path)
	if err != nil {
		t.Fatal(err)
	}
	const n = allocSmall + 1<<smallShift
	for i := range n {
		if err := j.Append(attempt(1, 0, uint32(i), 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	all := read(t, path)
	if len(all) != n {
		t.Fatalf("%d slots read, %d written", len(all), n)
	}
	for i := range all {
		if all[i].seq != uint32(i) {
			t.Fatalf("slot %d is the %d. written", i, all[i].seq)
		}
	}
}

func TestJournalAfterClose(t *testing.T) {
	j, _ := create(t)
	for range mappingSlots {
		j.Append(attempt(1, 0, 0, 0, 0))
	}
	j.Close()
	if _, err := add(j, attempt(1, 0, 0, 0, 0)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Reserve after Close: %v, want %v", err, os.ErrClosed)
	}
}

func TestTextFollowsItsSlot(t *testing.T) {
	for _, text := range []string{"", "x", strings.Repeat("0123456789", 4), strings.Repeat("é", 50)} {
		slots := Text(text)
		if want := (len(text) + 39) / 40; len(slots) != want {
			t.Errorf("%d bytes take %d slots, want %d", len(text), len(slots), want)
		}
		var got []byte
		for i := range slots {
			got = slots[i].AppendText(got)
			if m := slots[i].momentsOf(0, 0); m[0].kind != 0 || slots[i].Kind() != KindText {
				t.Errorf("a text has the moment %v", m[0].kind)
			}
		}
		if string(got) != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

func BenchmarkJournal(b *testing.B) {
	j, err := Create(filepath.Join(b.TempDir(), "b.journal"))
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s, err := add(j, attempt(1, 2, 3, 4, 5))
			if err != nil {
				b.Fatal(err)
			}
			j.Finish(s, 6, OutcomeEffect)
		}
	})
}
