package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// This file is how a consumer lets records wait until their time has come, as the
// tiers of a retry and the levels of a delay do: [Options.Due] says when that is, and
// what is not due lies in stock, see stock.go. It is not taken: it has no room in the
// window, holds no watermark and no rebalance up, and the next owner fetches it again.
//
// The records of a partition wait behind each other, so they should fall due in the
// order of the log: a topic has one delay. Nobody sleeps between polls; the poll ends
// when something falls due, or something comes of a partition that has nothing in stock.
// A partition whose stock is as large as the window is paused.

// timestampUnit is what a broker's stamps are cut down to.
const timestampUnit = time.Millisecond

// dueAfter is when records are due that wait for a delay from their stamp on, which is
// the broker's in the topics that the harness makes. Never less, by that broker's clock.
func dueAfter(delay time.Duration) func(*kgo.Record) time.Time {
	return func(r *kgo.Record) time.Time { return r.Timestamp.Add(delay + timestampUnit) }
}

// DueByTopic is when records are due that wait for the delay of their topic; in a topic
// that has none they do not wait.
func DueByTopic(delays map[string]time.Duration) func(*kgo.Record) time.Time {
	return func(r *kgo.Record) time.Time {
		if delay, waits := delays[r.Topic]; waits {
			return dueAfter(delay)(r)
		}
		return time.Time{}
	}
}

// countDue is how many of the records are due, from the first on, and when the next is,
// zero if all are.
func (h Options) countDue(records []*kgo.Record) (n int, next time.Time) {
	if h.Due == nil {
		return len(records), time.Time{}
	}
	now := time.Now()
	for i, r := range records {
		if at := h.Due(r); at.After(now) {
			return i, at
		}
	}
	return len(records), time.Time{}
}

// earlier is the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
