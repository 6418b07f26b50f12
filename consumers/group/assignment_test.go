package group

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// given is an assignment with n records taken, offsets from 0.
func given(t *testing.T, n int) (*Assignment, *Window) {
	w := NewWindow(1000, 1, 100)
	a := NewAssignment(t.Context(), TopicPartition{}, "", w)
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Offset: int64(i)})
	}
	a.Accept(records, nil)
	return a, w
}

func quiet(a *Assignment) bool {
	select {
	case <-a.quiet:
		return true
	default:
		return false
	}
}

func TestRevokedAssignmentStartsOnlyItsGaps(t *testing.T) {
	a, _ := given(t, 6)
	for _, seq := range []uint64{0, 3} {
		if !a.startRecord(seq) {
			t.Fatalf("record %d refused by an open assignment", seq)
		}
	}
	a.finishRecord(3, true)
	a.stopAtNewest()
	if a.startRecord(4) {
		t.Error("record 4 began although none after it had")
	}
	if quiet(a) {
		t.Error("quiet with a record in work")
	}
	a.finishRecord(0, true)
	if quiet(a) {
		t.Error("quiet with gaps below a finished record")
	}
	for _, gap := range []uint64{1, 2} {
		if !a.startRecord(gap) {
			t.Fatalf("gap %d refused", gap)
		}
		a.finishRecord(gap, true)
	}
	if !quiet(a) {
		t.Error("not quiet with all done that had to be")
	}
	if next, ok := a.uncommittedPoint(0); !ok || next.at.Offset != 4 {
		t.Errorf("commit %v %v, want 4", next, ok)
	}
}

func TestLostAssignmentCancelsItsWork(t *testing.T) {
	a, w := given(t, 5)
	a.startRecord(0)
	a.startRecord(1)
	a.finishRecord(0, true)
	a.stopAtNewest()
	cancelAssignments(Assignments{{}: a})
	if a.ctx.Err() == nil {
		t.Error("the work goes on")
	}
	if a.startRecord(2) {
		t.Error("a record began")
	}
	if quiet(a) {
		t.Error("quiet with a record in work")
	}
	a.finishRecord(1, false)
	if !quiet(a) {
		t.Error("not quiet with nothing in work")
	}
	if next, ok := a.uncommittedPoint(0); !ok || next.at.Offset != 1 {
		t.Errorf("commit %v %v, want 1: record 1 was cancelled", next, ok)
	}
	a.retireAssignment()
	if _, ok := a.uncommittedPoint(0); ok {
		t.Error("something to commit after the end")
	}
	if held := w.reserved.Load(); held != 0 {
		t.Errorf("the window still holds %d", held)
	}
}

func TestRetiredAssignmentIgnoresLateWork(t *testing.T) {
	a, w := given(t, 3)
	a.startRecord(0)
	a.retireAssignment()
	a.finishRecord(0, true)
	if _, ok := a.uncommittedPoint(0); ok {
		t.Error("late work is there to commit")
	}
	if held := w.reserved.Load(); held != 0 {
		t.Errorf("the window holds %d after the end", held)
	}
}

func TestCommittedOffsetIsNotCommittedAgain(t *testing.T) {
	a, _ := given(t, 2)
	a.startRecord(0)
	a.finishRecord(0, true)
	next, _ := a.uncommittedPoint(0)
	a.setCommitted(next)
	if _, ok := a.uncommittedPoint(0); ok {
		t.Error("the same offset again")
	}
}
