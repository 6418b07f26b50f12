package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// timestampUnit is the resolution of a broker's timestamps, which are cut down to it.
const timestampUnit = time.Millisecond

// dueAfter makes records due a delay after their timestamp. In topics that the harness
// makes this is the broker's append time. A record is never due early by that clock.
func dueAfter(delay time.Duration) func(*kgo.Record) time.Time {
	return func(r *kgo.Record) time.Time { return r.Timestamp.Add(delay + timestampUnit) }
}

// DueByTopic is an [Options.Due]: a record is due the delay of its topic after its
// timestamp, or at once in a topic without a delay. Since the records of a partition
// wait behind each other, all records of a topic should have one delay.
func DueByTopic(delays map[string]time.Duration) func(*kgo.Record) time.Time {
	return func(r *kgo.Record) time.Time {
		if delay, waits := delays[r.Topic]; waits {
			return dueAfter(delay)(r)
		}
		return time.Time{}
	}
}

// countDue counts the records that are due, from the first on. next is when the one
// after them is, zero if all are due.
func (o Options) countDue(records []*kgo.Record) (n int, next time.Time) {
	if o.Due == nil {
		return len(records), time.Time{}
	}
	now := time.Now()
	for i, r := range records {
		if at := o.Due(r); at.After(now) {
			return i, at
		}
	}
	return len(records), time.Time{}
}

// earlier is the earlier of two times. Zero means no time.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
