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

// live is what is known of a run while it runs, from the journals that the pods
// are writing. It is behind by up to one poll and never wrong in what it has.
// Safe for concurrent use.
type live struct {
	fleet fleet
	clock ledger.Clock

	mu       sync.Mutex
	tails    map[ledger.Owner]*ledger.Tail
	finished []ledger.Offsets // by partition
	aside    []int64          // effects in side topics, repeats among them, by partition of the source
	effects  int64
	service  int64 // ns of all effects
	lastEnd  int64 // of an effect, ns on CLOCK_MONOTONIC
	open     int   // attempts under way in living pods
}

func newLive(fleet fleet, clock ledger.Clock, partitions int) *live {
	return &live{
		fleet: fleet, clock: clock, tails: map[ledger.Owner]*ledger.Tail{},
		finished: make([]ledger.Offsets, partitions), aside: make([]int64, partitions),
	}
}

// poll reads what the pods wrote since the last poll.
func (l *live) poll() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = 0
	for _, in := range l.fleet.Incarnations() {
		t := l.tails[in.Owner]
		if t == nil {
			var err error
			if t, err = ledger.Follow(in.Journal); errors.Is(err, fs.ErrNotExist) {
				continue // the pod has not begun to write
			} else if err != nil {
				return err
			}
			l.tails[in.Owner] = t
		}
		open, err := t.Poll(l.slot)
		if err != nil {
			return err
		}
		if in.Down == 0 {
			l.open += open
		}
	}
	return nil
}

// followed reports whether the journal of an incarnation was there once.
func (l *live) followed(owner ledger.Owner) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tails[owner] != nil
}

func (l *live) slot(s *ledger.Slot) {
	if s.Outcome() != ledger.OutcomeEffect || s.Partition < 0 {
		return
	}
	if s.Topic != 0 {
		l.aside[load.PartitionOf(s.Key(), len(l.aside))]++
	} else if int(s.Partition) < len(l.finished) {
		l.finished[s.Partition].Add(s.Offset())
	} else {
		return
	}
	l.effects++
	l.service += s.End() - s.Start()
	l.lastEnd = max(l.lastEnd, s.End())
}

// progress is a reading of live.
type progress struct {
	finished []int64       // records finished where they landed, by partition
	aside    []int64       // effects in side topics, by partition of the source
	total    int64         // of all partitions
	mean     time.Duration // service time so far
	lastEnd  int64
	open     int
}

func (l *live) read() progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := progress{finished: make([]int64, len(l.finished)), aside: slices.Clone(l.aside), lastEnd: l.lastEnd, open: l.open}
	for i := range l.finished {
		p.finished[i] = l.finished[i].Len()
		p.total += p.finished[i] + l.aside[i]
	}
	if l.effects > 0 {
		p.mean = time.Duration(l.service / l.effects)
	}
	return p
}

func (l *live) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.tails {
		t.Close()
	}
	clear(l.tails)
}

// whole is a reading whose mean is that of the whole work on a record: of a prepared one
// attempts are the rest only. mean is the scenario's.
func (p progress) whole(mean time.Duration) progress {
	if p.mean > 0 {
		p.mean = max(p.mean, mean)
	}
	return p
}

// workInHand is how long a pod of the given parallelism would need for what
// landed on its partitions and is not finished, there or in a side topic: what is repeated
// there before makes it less.
func workInHand(landed []int64, now progress, partitions []int32, parallelism int) time.Duration {
	var records int64
	for _, p := range partitions {
		records += max(0, landed[p]-now.finished[p]-now.aside[p])
	}
	return time.Duration(records) * now.mean / time.Duration(max(1, parallelism))
}

// allFinished reports whether every partition is finished to its end.
func allFinished(ends []int64, now progress) bool {
	for p, end := range ends {
		if now.finished[p] < end {
			return false
		}
	}
	return true
}
