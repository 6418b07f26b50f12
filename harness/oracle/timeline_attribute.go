package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// blame finds who lost records: from which commit on nobody was to work on them any
// more. That of a record is the first confirmed one past it; where copies lie in topics
// with custody, which are owed too, the latest of the first past each place. A loss
// that no commit was seen to cause stays as it is: in a share group, of a record that
// a range set aside, of commits that an observer missed.
type blame struct {
	losses []*loss
}

// loss is a lost record.
type loss struct {
	of     *harness.Anomaly
	owed   []ledger.Position        // where it has to be worked on
	past   map[ledger.Position]bool // past are the places that a commit is past
	by     crossing                 // by is the latest of the first past each
	asides bool                     // asides: a range set it aside
}

// crossing is a commit past a record.
type crossing struct {
	at     time.Duration
	offset int64
	owner  ledger.Owner
}

// find asks for the culprits of lost records.
func (b *blame) find(f *Facts, lost []harness.Anomaly) {
	if f.Share {
		return
	}
	for i := range lost {
		l := &loss{of: &lost[i], past: map[ledger.Position]bool{}}
		for _, p := range places(f, &lost[i]) {
			if role := f.role(p.Topic); p.Offset >= 0 && !slices.Contains(l.owed, p) && (p.Topic == 0 || role.TakesOver() && role != harness.RoleDeadLetter) {
				l.owed = append(l.owed, p)
			}
		}
		b.losses = append(b.losses, l)
	}
}

func (b *blame) observe(e *ledger.Event) {
	switch {
	case e.Kind == ledger.EventDeferred:
		for _, l := range b.losses {
			l.asides = l.asides || e.Topic == l.of.Topic && e.Partition == l.of.Partition && e.Offset <= l.of.Offset && l.of.Offset < e.To
		}
	case e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && (e.Topic > 0 || !e.OwnGroup()):
		for _, l := range b.losses {
			l.commit(e)
		}
	}
}

// commit takes a commit if it is the first past the record at a place.
func (l *loss) commit(e *ledger.Event) {
	for _, p := range l.owed {
		if !l.past[p] && p.Topic == e.Topic && p.Partition == e.Partition && p.Offset < e.Offset {
			l.past[p] = true
			l.by = crossing{e.At, e.Offset, e.Owner}
		}
	}
}

// name tells each loss by whom it was, and when.
func (b *blame) name(f *Facts) {
	for _, l := range b.losses {
		if l.asides || len(l.past) == 0 || len(l.past) < len(l.owed) {
			continue
		}
		l.of.At, l.of.Pods = l.by.at, []string{f.name(l.by.owner)}
		l.of.Text = fmt.Sprintf("%s committed past it while its work was not finished, to %d at %s: %s", f.name(l.by.owner), l.by.offset, moment(l.by.at), l.of.Text)
	}
}
