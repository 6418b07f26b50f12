package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// attribution finds who lost records: from which commit on nobody was to work on them any
// more. That of a record is the first confirmed one past it; where copies lie in topics
// with custody, which are owed too, the latest of the first past each place. A loss
// that no commit was seen to cause stays as it is: in a share group, of a record that
// a range set aside, of commits that an observer missed.
type attribution struct {
	losses []*lostRecord
}

// lostRecord is a lost record.
type lostRecord struct {
	anomaly     *harness.Anomaly
	outstanding []ledger.Position        // where it has to be worked on
	past        map[ledger.Position]bool // past are the places that a commit is past
	by          crossing                 // by is the latest of the first past each
	deferred    bool                     // deferred: a range set it aside
}

// crossing is a commit past a record.
type crossing struct {
	at     time.Duration
	offset int64
	owner  ledger.Owner
}

// addLosses asks for the culprits of lost records.
func (b *attribution) addLosses(f *Facts, lost []harness.Anomaly) {
	if f.Share {
		return
	}
	for i := range lost {
		l := &lostRecord{anomaly: &lost[i], past: map[ledger.Position]bool{}}
		for _, p := range placesOf(f, &lost[i]) {
			if role := f.roleOf(p.Topic); p.Offset >= 0 && !slices.Contains(l.outstanding, p) && (p.Topic == 0 || role.TakesOver() && role != harness.RoleDeadLetter) {
				l.outstanding = append(l.outstanding, p)
			}
		}
		b.losses = append(b.losses, l)
	}
}

func (b *attribution) trackEvent(e *ledger.Event) {
	switch {
	case e.Kind == ledger.EventDeferred:
		for _, l := range b.losses {
			l.deferred = l.deferred || e.Topic == l.anomaly.Topic && e.Partition == l.anomaly.Partition && e.Offset <= l.anomaly.Offset && l.anomaly.Offset < e.To
		}
	case e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && (e.Topic > 0 || !e.OwnGroup()):
		for _, l := range b.losses {
			l.crossRecord(e)
		}
	}
}

// crossRecord takes a commit if it is the first past the record at a place.
func (l *lostRecord) crossRecord(e *ledger.Event) {
	for _, p := range l.outstanding {
		if !l.past[p] && p.Topic == e.Topic && p.Partition == e.Partition && p.Offset < e.Offset {
			l.past[p] = true
			l.by = crossing{e.At, e.Offset, e.Owner}
		}
	}
}

// nameCulprits tells each loss by whom it was, and when.
func (b *attribution) nameCulprits(f *Facts) {
	for _, l := range b.losses {
		if l.deferred || len(l.past) == 0 || len(l.past) < len(l.outstanding) {
			continue
		}
		l.anomaly.At, l.anomaly.Pods = l.by.at, []string{f.podName(l.by.owner)}
		l.anomaly.Text = fmt.Sprintf("%s committed past it while its work was not finished, to %d at %s: %s", f.podName(l.by.owner), l.by.offset, formatTime(l.by.at), l.anomaly.Text)
	}
}
