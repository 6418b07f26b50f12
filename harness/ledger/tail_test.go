package ledger

import (
	"math/rand/v2"
	"sync"
	"testing"
)

func TestTailSeesEachFinishedSlotOnce(t *testing.T) {
	j, path := create(t)
	tail, err := Follow(path)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	var open []*Slot
	seen, finished := map[uint32]int{}, 0
	for i := range 5 * blockSlots {
		s, _ := add(j, attempt(1, 0, uint32(i), 0, 0))
		open = append(open, s)
		for len(open) > 0 && rng.IntN(3) > 0 {
			k := rng.IntN(len(open))
			j.Finish(open[k], 1, OutcomeEffect)
			open[k] = open[len(open)-1]
			open = open[:len(open)-1]
			finished++
		}
		if i%97 == 0 {
			n, err := tail.Poll(func(s *Slot) { seen[s.seq]++ })
			if err != nil || n != len(open) || len(seen) != finished {
				t.Fatalf("after %d: %d open and %d finished seen (%v), want %d and %d", i, n, len(seen), err, len(open), finished)
			}
		}
	}
	for seq, n := range seen {
		if n != 1 {
			t.Errorf("seq %d seen %d times", seq, n)
		}
	}
}

// A tail sees no slot half written and no slot twice, whatever frames the
// mappings move through while it reads.
func TestTailWhileTheWriterWrites(t *testing.T) {
	j, path := create(t)
	tail, err := Follow(path)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	const writers, each = 4, 20_000
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				s, err := add(j, attempt(7, uint32(w+1), uint32(i), int64(i)+1, 3))
				if err != nil {
					t.Error(err)
					return
				}
				j.Finish(s, 5, OutcomeEffect)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	seen := map[[2]uint32]bool{}
	poll := func() {
		_, err := tail.Poll(func(s *Slot) {
			id := [2]uint32{s.key, s.seq}
			if s.key == 0 || s.offset != int64(s.seq)+1 || s.start != 3 || s.end != 5 || seen[id] {
				t.Errorf("slot %+v, seen before: %v", *s, seen[id])
			}
			seen[id] = true
		})
		if err != nil {
			t.Error(err)
		}
	}
	for !t.Failed() {
		select {
		case <-done:
			poll()
			if len(seen) != writers*each {
				t.Errorf("%d slots seen, %d written", len(seen), writers*each)
			}
			return
		default:
			poll()
		}
	}
	wg.Wait()
}
