package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// attribution finds the commit that lost a record: after it, the group does not deliver the record again. It is
// the first confirmed commit past the record. If copies lie in topics that take over, they are outstanding too,
// and it is the latest of the first commits past each place.
//
// A loss stays without a cause in a share group, of a record that was deferred, and if an observer missed a
// commit.
type attribution struct {
	losses []*lostRecord
}

// lostRecord is a lost record.
type lostRecord struct {
	anomaly     *harness.Anomaly
	outstanding []ledger.Position        // outstanding are the places where it has to be completed.
	past        map[ledger.Position]bool // past are the places that a commit is past.
	cause       commitPast               // cause is the latest of the first commits past each place.
	deferred    bool                     // deferred: a range with it was deferred.
}

// commitPast is a commit past a record.
type commitPast struct {
	at     time.Duration
	offset int64
	owner  ledger.Owner
}

// addLosses adds lost records whose cause is wanted.
func (b *attribution) addLosses(f *Facts, lost []harness.Anomaly) {
	if f.Share {
		return
	}
	for i := range lost {
		l := &lostRecord{anomaly: &lost[i], past: map[ledger.Position]bool{}}
		for _, p := range placesOf(f, &lost[i]) {
			role := f.roleOf(p.Topic)
			outstanding := p.Topic == 0 || role.TakesOver() && role != harness.RoleDeadLetter
			if p.Offset >= 0 && outstanding && !slices.Contains(l.outstanding, p) {
				l.outstanding = append(l.outstanding, p)
			}
		}
		b.losses = append(b.losses, l)
	}
}

func (b *attribution) findCause(e *ledger.Event) {
	switch {
	case e.Kind == ledger.EventDeferred:
		for _, l := range b.losses {
			a := l.anomaly
			l.deferred = l.deferred || e.Topic == a.Topic && e.Partition == a.Partition && e.Offset <= a.Offset && a.Offset < e.To
		}
	case e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && decidesOwnership(e):
		for _, l := range b.losses {
			l.crossPlaces(e)
		}
	}
}

// crossPlaces notes a commit if it is the first past the record at a place.
func (l *lostRecord) crossPlaces(e *ledger.Event) {
	for _, p := range l.outstanding {
		if !l.past[p] && p.Topic == e.Topic && p.Partition == e.Partition && p.Offset < e.Offset {
			l.past[p] = true
			l.cause = commitPast{e.At, e.Offset, e.Owner}
		}
	}
}

// describeCauses adds to each loss the pod that caused it, and when.
func (b *attribution) describeCauses(f *Facts) {
	for _, l := range b.losses {
		if l.deferred || len(l.past) == 0 || len(l.past) < len(l.outstanding) {
			continue
		}
		pod := f.podName(l.cause.owner)
		l.anomaly.At, l.anomaly.Pods = l.cause.at, []string{pod}
		l.anomaly.Text = fmt.Sprintf("%s committed %d at %s, past the record, before its work was completed: %s", pod, l.cause.offset, formatTime(l.cause.at), l.anomaly.Text)
	}
}
