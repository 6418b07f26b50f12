package engine

import (
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// workProgress is the progress of the work while a run goes on, from the journals that the
// pods write. It is late by up to one poll, and what it has is never wrong. Safe for
// concurrent use.
type workProgress struct {
	fleet fleet

	mu        sync.Mutex
	tails     map[ledger.Owner]*ledger.Tail
	completed []ledger.Offsets // by partition
	inSide    []int64          // effects in side topics, repeated ones included, by partition of the source
	effects   int64
	service   int64                  // ns of all effects
	lastEnd   int64                  // of an effect, ns on CLOCK_MONOTONIC
	lastEnds  map[ledger.Owner]int64 // the same, by incarnation
	open      int                    // attempts in flight in running pods
	seen      *ledger.Sightings
}

func newWorkProgress(fleet fleet, partitions int) *workProgress {
	return &workProgress{
		fleet: fleet, tails: map[ledger.Owner]*ledger.Tail{}, lastEnds: map[ledger.Owner]int64{},
		completed: make([]ledger.Offsets, partitions), inSide: make([]int64, partitions),
		seen: ledger.NewSightings(partitions),
	}
}

// pollJournals reads what the pods have written since the last poll.
func (w *workProgress) pollJournals() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = 0
	for _, in := range w.fleet.Incarnations() {
		t := w.tails[in.Owner]
		if t == nil {
			var err error
			if t, err = ledger.Follow(in.Journal); errors.Is(err, fs.ErrNotExist) {
				continue // the pod has not created it yet
			} else if err != nil {
				return err
			}
			w.tails[in.Owner] = t
		}
		open, err := t.Poll(w.countSlot)
		if err != nil {
			return err
		}
		if in.Down == 0 {
			w.open += open
		}
	}
	return nil
}

// hasJournal reports whether a poll has found the journal of an incarnation.
func (w *workProgress) hasJournal(owner ledger.Owner) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tails[owner] != nil
}

// lastEndOf is the end of the last effect of an incarnation, ns on CLOCK_MONOTONIC; 0 without one.
func (w *workProgress) lastEndOf(owner ledger.Owner) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastEnds[owner]
}

// countEffects is the number of effects that the polls have found, repeated ones included.
func (w *workProgress) countEffects() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.effects
}

func (w *workProgress) countSlot(s *ledger.Slot) {
	w.seen.AddAttempt(s)
	if s.Outcome() != ledger.OutcomeEffect || s.Partition < 0 {
		return
	}
	if s.Topic != 0 {
		w.inSide[load.PartitionOf(s.Key(), len(w.inSide))]++
	} else if int(s.Partition) < len(w.completed) {
		w.completed[s.Partition].Add(s.Offset())
	} else {
		return
	}
	w.effects++
	w.service += s.End() - s.Start()
	w.lastEnd, w.lastEnds[s.Owner()] = max(w.lastEnd, s.End()), max(w.lastEnds[s.Owner()], s.End())
}

// workReading is one reading of a workProgress.
type workReading struct {
	completed []int64       // records completed in the source, by partition
	inSide    []int64       // effects in side topics, by partition of the source
	total     int64         // of all partitions
	mean      time.Duration // mean service time so far
	lastEnd   int64
	open      int
}

func (w *workProgress) readProgress() workReading {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := workReading{completed: make([]int64, len(w.completed)), inSide: slices.Clone(w.inSide), lastEnd: w.lastEnd, open: w.open}
	for i := range w.completed {
		r.completed[i] = w.completed[i].Len()
		r.total += r.completed[i] + w.inSide[i]
	}
	if w.effects > 0 {
		r.mean = time.Duration(w.service / w.effects)
	}
	return r
}

// prove compares the journal of sends with the attempts that the last poll has found.
func (w *workProgress) prove(sends string, clock ledger.Clock, least int64) (*ledger.Proof, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return ledger.Prove(sends, w.seen, clock, least)
}

func (w *workProgress) closeJournals() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.tails {
		t.Close()
	}
	clear(w.tails)
	return nil
}

// withMeanOf is the reading with at least the mean service time of the scenario. The
// attempt at a prepared record has only the rest of the work.
func (r workReading) withMeanOf(mean time.Duration) workReading {
	if r.mean > 0 {
		r.mean = max(r.mean, mean)
	}
	return r
}

// workInFlight is the time that a pod of the given parallelism needs for the appended
// records of its partitions that are not completed, in the source or in a side topic.
// Effects that were repeated in a side topic make it smaller than it is.
func (r workReading) workInFlight(appended []int64, partitions []int32, parallelism int) time.Duration {
	return time.Duration(r.recordsInFlight(appended, partitions)) * r.mean / time.Duration(max(1, parallelism))
}

func (r workReading) recordsInFlight(appended []int64, partitions []int32) (records int64) {
	for _, p := range partitions {
		records += max(0, appended[p]-r.completed[p]-r.inSide[p])
	}
	return records
}

// allCompleted reports whether every partition is completed up to its end.
func (r workReading) allCompleted(ends []int64) bool {
	for p, end := range ends {
		if r.completed[p] < end {
			return false
		}
	}
	return true
}
