package pool

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lineUp takes n records of one assignment and puts them in the lines of so many keys.
func lineUp(s *Sequencer, a *group.Assignment, n, keys int) (turns []*Entry) {
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Offset: int64(i)}
	}
	for i, t := range a.Accept(records, nil) {
		turns = append(turns, s.Append(uint64(i%keys), t))
	}
	return turns
}

func TestSequencerKeepsTheOrderOfEachKey(t *testing.T) {
	const n, keys, workers = 3000, 7, 8
	s, a := new(Sequencer), group.NewAssignment(context.Background(), group.TopicPartition{}, "", group.NewWindow(n, workers, n))
	turns := lineUp(s, a, n, keys)
	rand.Shuffle(n, func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	var mu sync.Mutex
	got, busy := make([][]int64, keys), make([]bool, keys)
	apply := func(one *Entry) bool {
		key := one.Record.Offset % keys
		mu.Lock()
		if busy[key] {
			t.Errorf("two records of key %d at once", key)
		}
		busy[key] = true
		got[key] = append(got[key], one.Record.Offset)
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
				turns[i].Started = turns[i].Start()
				s.MarkReady(turns[i], apply)
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
	if total != n || len(s.queues) != 0 || a.Outstanding() != 0 {
		t.Errorf("%d of %d applied, %d queues left, %d under way", total, n, len(s.queues), a.Outstanding())
	}
}

// What lies behind a record without an effect has none, though it was prepared; what comes
// under the next assignment has.
func TestSequencerAppliesNothingAfterAFailedRecord(t *testing.T) {
	w := group.NewWindow(100, 1, 100)
	s, a, b := new(Sequencer), group.NewAssignment(context.Background(), group.TopicPartition{}, "", w), group.NewAssignment(context.Background(), group.TopicPartition{}, "", w)
	first, second := lineUp(s, a, 3, 1), lineUp(s, b, 1, 1)
	turns := append(first, second...)
	for _, t := range turns {
		t.Started = t.Start()
	}
	var applied []*Entry
	for _, one := range slices.Backward(turns) {
		s.MarkReady(one, func(t *Entry) bool {
			applied = append(applied, t)
			return t != first[1]
		})
	}
	if want := []*Entry{first[0], first[1], second[0]}; !slices.Equal(applied, want) {
		t.Errorf("%d applied, want the first, the second that fails, and that of the next assignment", len(applied))
	}
	a.Halt()
	b.Halt()
	if !isQuiet(a) || !isQuiet(b) || a.Outstanding() != 2 {
		t.Errorf("quiet: %t and %t, %d records of the first are outstanding; want 2", isQuiet(a), isQuiet(b), a.Outstanding())
	}
}

// A panic of the work ends the pod. It must not end it by unlocking a lock that is not held.
func TestSequencerReleasesItsLockInAPanic(t *testing.T) {
	s, a := new(Sequencer), group.NewAssignment(context.Background(), group.TopicPartition{}, "", group.NewWindow(1, 1, 1))
	one := lineUp(s, a, 1, 1)[0]
	one.Started = one.Start()
	defer func() {
		if p := recover(); p != "poison" {
			t.Errorf("panicked with %v", p)
		}
		if !s.mu.TryLock() {
			t.Error("the lock is never released")
		}
	}()
	s.MarkReady(one, func(*Entry) bool { panic("poison") })
}
