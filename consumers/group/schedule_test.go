package group

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestNoRecordIsAcceptedBeforeItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = 300 * time.Millisecond
		how := Options{Due: dueAfter(delay)}
		a, _ := given(t, 0)
		begin := time.Now()
		for i := range int64(3) {
			a.appendBuffer([]*kgo.Record{{Offset: i, Timestamp: begin.Add(time.Duration(i) * 100 * time.Millisecond)}})
		}
		for i := range int64(3) {
			tasks, left, next := a.takeDue(how, math.MaxInt, 10, nil)
			if len(tasks) != 0 || left != int(3-i) {
				t.Fatalf("%v: %d dealt, %d left", time.Since(begin), len(tasks), left)
			}
			time.Sleep(time.Until(next))
			tasks, _, _ = a.takeDue(how, math.MaxInt, 10, nil)
			if len(tasks) != 1 || tasks[0].Record.Offset != i {
				t.Fatalf("%v: %d dealt, want record %d", time.Since(begin), len(tasks), i)
			}
			if waited := time.Since(tasks[0].Record.Timestamp); waited < delay || waited > delay+2*timestampUnit {
				t.Errorf("record %d waited %v, want %v", i, waited, delay)
			}
		}
		if _, left, next := a.takeDue(how, math.MaxInt, 10, nil); left != 0 || !next.IsZero() {
			t.Errorf("%d left, next due at %v: want none", left, next)
		}
	})
}

// A record that waits until it is due takes no room in the window. A due record without room
// waits too.
func TestRecordsThatAreNotDueTakeNoRoom(t *testing.T) {
	a, w := given(t, 0)
	how := Options{Due: dueAfter(time.Hour)}
	now := time.Now()
	a.appendBuffer([]*kgo.Record{{Timestamp: now.Add(-2 * time.Hour)}, {Timestamp: now.Add(-2 * time.Hour)}, {Timestamp: now}})
	if tasks, left, next := a.takeDue(how, math.MaxInt, 1, nil); len(tasks) != 1 || left != 2 || !next.IsZero() {
		t.Errorf("%d dealt, %d left, next due at %v: want one for one room", len(tasks), left, next)
	}
	if tasks, left, _ := a.takeDue(how, math.MaxInt, 5, nil); len(tasks) != 1 || left != 1 {
		t.Errorf("%d dealt, %d left: want all that is due", len(tasks), left)
	}
	if held := w.reserved.Load(); held != 2 {
		t.Errorf("the window holds %d, want 2", held)
	}
}

// A member waits for what is due next, for what something else may change, or for
// the end.
func TestMemberWaitsUntilTheNextRecordIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &Member{}
		begin := time.Now()
		if err := m.waitForRecords(t.Context(), false, begin.Add(time.Second)); err != nil || time.Since(begin) != time.Second {
			t.Errorf("waited %v for what is due in a second: %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begin = time.Now()
		if err := m.waitForRecords(ctx, false, begin.Add(time.Hour)); err != nil || time.Since(begin) != time.Second {
			t.Errorf("waited %v for a wake-up: %v", time.Since(begin), err)
		}
	})
}

func TestEarlierIgnoresZeroTimes(t *testing.T) {
	var none time.Time
	a, b := time.Unix(1, 0), time.Unix(2, 0)
	for _, c := range []struct{ a, b, want time.Time }{{none, none, none}, {a, none, a}, {none, a, a}, {a, b, a}, {b, a, a}} {
		if got := earlier(c.a, c.b); !got.Equal(c.want) {
			t.Errorf("of %v and %v: %v", c.a, c.b, got)
		}
	}
}
