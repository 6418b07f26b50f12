package pod

import (
	"sync"

	"github.com/stampede-bench/stampede/harness/ledger"
)

const (
	// maxLine is how many bytes of a line are kept.
	maxLine = 400
	// lineBurst is how many bytes of lines one incarnation may log at once, and
	// lineRate how many a second in the long run.
	lineBurst = 16 << 10
	lineRate  = 1 << 10
	// lineCost is what each line counts in addition to its text.
	lineCost = 2 * ledger.SlotSize
)

// lines is what the consumer logs. They go to the journal, so that they survive the
// death of the pod. Lines that come too fast are dropped, for the work shares the
// journal. Safe for many goroutines.
type lines struct {
	journal *ledger.Journal
	clock   ledger.Clock
	owner   ledger.Owner
	gate    gate // gate is nil in a pod that is a process.

	mu      sync.Mutex
	most    int64 // most is the greatest room.
	room    int64 // room is how many bytes may be logged at filled.
	filled  int64 // filled is the time of the last line, ns on CLOCK_MONOTONIC.
	dropped uint32
	told    uint32 // told is how many dropped lines the last line in the journal tells of.
	kept    uint32 // kept is the same of the last line with a text.
}

func newLines(journal *ledger.Journal, clock ledger.Clock, owner ledger.Owner) *lines {
	return &lines{journal: journal, clock: clock, owner: owner, most: lineBurst, room: lineBurst, filled: clock.Now()}
}

// write logs a line, or drops it. A journal that has failed ends the pod at its next attempt.
func (l *lines) write(text string) {
	l.locked(func(now int64) {
		l.room = min(l.most, l.room+(now-l.filled)*lineRate/1e9)
		l.filled = now
		if cost := int64(len(text) + lineCost); l.room >= cost {
			l.room -= cost
			l.append(now, text)
			l.kept = l.dropped
			return
		}
		l.dropped++
		if l.dropped >= 2*l.told-l.kept { // so that a killed pod has said about how many
			l.append(now, "")
		}
	})
}

// sayDropped says how many lines were dropped, at the end of the consumer.
func (l *lines) sayDropped() {
	l.locked(func(now int64) {
		if l.dropped != l.told {
			l.append(now, "")
		}
	})
}

// locked calls fn with the time, unless the pod is dead. It never waits for the end of a
// pause: the consumer may hold a mutex, and a wait with one would stop virtual time.
func (l *lines) locked(fn func(now int64)) {
	if l.gate != nil {
		if !l.gate.lockUnlessDead() {
			return
		}
		defer l.gate.unlockJournal()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fn(l.clock.Now())
}

func (l *lines) append(now int64, text string) {
	head := ledger.NewSlot(ledger.KindLine, l.owner).With(ledger.OutcomeConfirmed)
	head.SetLine(l.dropped, now)
	l.told = l.dropped
	_ = l.journal.AppendRun(append([]ledger.Slot{head}, ledger.Text(text)...)...)
}
