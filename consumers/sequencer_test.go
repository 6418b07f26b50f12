package consumers

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// lineUp takes n records of one assignment and puts them in the lines of so many keys.
func lineUp(s *sequencer, a *assignment, n, keys int) (turns []*turn) {
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Offset: int64(i)}
	}
	for i, t := range a.take(records, nil) {
		turns = append(turns, s.enter(uint64(i%keys), t))
	}
	return turns
}

func TestSequencerKeepsTheOrderOfKeysWhateverGetsReadyFirst(t *testing.T) {
	const n, keys, workers = 3000, 7, 8
	s, a := &sequencer{lines: map[uint64]*line{}}, newAssignment(context.Background(), newWindow(n, workers, n))
	turns := lineUp(s, a, n, keys)
	rand.Shuffle(n, func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	var mu sync.Mutex
	got, busy := make([][]uint64, keys), make([]bool, keys)
	apply := func(t2 *turn) bool {
		key := t2.seq % keys
		mu.Lock()
		if busy[key] {
			t.Errorf("two records of key %d at once", key)
		}
		busy[key] = true
		got[key] = append(got[key], t2.seq)
		mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		busy[key] = false
		return true
	}
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			for i := w; i < n; i += workers {
				turns[i].begun = a.start(turns[i].seq)
				s.ready(turns[i], apply)
			}
		})
	}
	running.Wait()
	total := 0
	for key, seqs := range got {
		total += len(seqs)
		if !slices.IsSorted(seqs) {
			t.Errorf("key %d out of order", key)
		}
	}
	if total != n || len(s.lines) != 0 || a.marks.out() != 0 {
		t.Errorf("%d of %d applied, %d lines left, %d under way", total, n, len(s.lines), a.marks.out())
	}
}

// What lies behind a record without an effect has none, though it was prepared; what comes
// under the next assignment has.
func TestSequencerAppliesNothingBehindWhatHadNoEffect(t *testing.T) {
	w := newWindow(100, 1, 100)
	s, a, b := &sequencer{lines: map[uint64]*line{}}, newAssignment(context.Background(), w), newAssignment(context.Background(), w)
	first, second := lineUp(s, a, 3, 1), lineUp(s, b, 1, 1)
	turns := append(first, second...)
	for _, t := range turns {
		t.begun = t.from.start(t.seq)
	}
	var applied []*turn
	for _, one := range slices.Backward(turns) {
		s.ready(one, func(t *turn) bool {
			applied = append(applied, t)
			return t != first[1]
		})
	}
	if want := []*turn{first[0], first[1], second[0]}; !slices.Equal(applied, want) {
		t.Errorf("%d applied, want the first, the second that fails, and that of the next assignment", len(applied))
	}
	if a.running != 0 || b.running != 0 || a.marks.out() != 2 {
		t.Errorf("%d and %d in work, %d of the first unfinished; want none, none and 2", a.running, b.running, a.marks.out())
	}
}

// A panic of the work is the pod's end, and not that of a lock that nobody held.
func TestSequencerLetsAPanicThrough(t *testing.T) {
	s, a := &sequencer{lines: map[uint64]*line{}}, newAssignment(context.Background(), newWindow(1, 1, 1))
	one := lineUp(s, a, 1, 1)[0]
	one.begun = a.start(one.seq)
	defer func() {
		if p := recover(); p != "poison" {
			t.Errorf("panicked with %v", p)
		}
		if !s.mu.TryLock() {
			t.Error("the lock is held for good")
		}
	}()
	s.ready(one, func(*turn) bool { panic("poison") })
}
