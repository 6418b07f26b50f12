package ledger

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
)

func TestStreamOrdersEverySource(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var files []File
	want := 0
	for owner := range Owner(3) {
		path := filepath.Join(t.TempDir(), "s.journal")
		j, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		now := int64(1000)
		for i := range 4 * blockSlots {
			now += rng.Int64N(20)
			s := attempt(owner, uint32(owner), uint32(i), int64(i/2), now-rng.Int64N(50)) // starts a little out of order
			at, _ := add(j, s)
			want++
			if i%100 != 0 {
				j.Finish(at, s.start+rng.Int64N(5000), OutcomeEffect)
			}
			want++
		}
		j.Close()
		files = append(files, File{Path: path, Reaped: 1 << 20})
	}
	s, err := NewStream(1000, files...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var last Event
	started := map[[2]uint32]bool{}
	got := 0
	list := make([]Event, 0, BatchSize)
	for {
		events, err := s.Next(list)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			got++
			if (e.At < last.At || e.At == last.At && e.Kind < last.Kind) && e.Start != e.At {
				t.Fatalf("%v at %v after %v at %v", e.Kind, e.At, last.Kind, last.At)
			}
			last = e
			id := [2]uint32{e.Key, e.Seq}
			switch e.Kind {
			case EventStart:
				started[id] = true
			case EventEnd:
				if !started[id] {
					t.Fatalf("%v ended before it started", id)
				}
				if e.Outcome == OutcomeOpen && e.At != 1<<20-1000 {
					t.Fatalf("open attempt ends at %v, want the reaping", e.At)
				}
			}
		}
	}
	if got != want {
		t.Errorf("%d events, want %d", got, want)
	}
}
