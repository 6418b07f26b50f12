package measure

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

// record is one record's way in a test history. An acked, start or end of
// absent did not happen.
type record struct {
	partition        int32
	offset           int64
	key              uint32
	due, sent, acked time.Duration
	start, end       time.Duration
}

const absent = time.Duration(-1)

func (r *record) event(edge ledger.EventKind, at time.Duration) ledger.Event {
	return ledger.Event{
		At: at, Kind: edge, Partition: r.partition, Offset: r.offset, Key: r.key,
		Marks: ledger.Marks{Origin: r.partition, Source: r.offset, Held: true},
		Due:   r.due, Sent: r.sent, Start: r.start,
	}
}

// history is the replay of some records, each with one attempt at most.
func history(records ...record) []ledger.Event {
	var events []ledger.Event
	for _, r := range records {
		events = append(events, r.event(ledger.EventSent, r.sent))
		if r.acked != absent {
			e := r.event(ledger.EventAcked, r.acked)
			e.Outcome = ledger.OutcomeAcked
			events = append(events, e)
		}
		if r.end != absent {
			events = append(events, r.event(ledger.EventStart, r.start))
			e := r.event(ledger.EventEnd, r.end)
			e.Outcome, e.First = ledger.OutcomeEffect, true
			events = append(events, e)
		}
	}
	return inOrder(events)
}

func inOrder(events []ledger.Event) []ledger.Event {
	slices.SortStableFunc(events, func(a, b ledger.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind))
	})
	return events
}

func commit(partition int32, offset int64, at time.Duration, o ledger.Outcome) ledger.Event {
	return ledger.Event{At: at, Kind: ledger.EventCommit, Partition: partition, Offset: offset, Outcome: o}
}

func recorded(cfg Config, events []ledger.Event) *Recorder {
	r := NewRecorder(cfg)
	r.Observe(events)
	return r
}

func equal[T any](t *testing.T, what string, got, want []T, same func(a, b T) bool) {
	t.Helper()
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func same[T comparable](a, b T) bool { return a == b }

// near allows for the width of a histogram's bucket.
func near(a, b time.Duration) bool {
	d := max(a-b, b-a)
	return d*500 <= max(a, b)
}
