package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// isTruncated reports whether the record of an event was cut off. A client may be late by some time.
func (r *reference) isTruncated(e *ledger.Event, late time.Duration) bool {
	for _, t := range r.facts.Truncations {
		switch {
		case e.Topic > 0:
			return true // a copy may be worked on at any time
		case e.Partition == t.Partition && e.Offset >= t.From && e.At <= t.Elected+late:
			return true
		}
	}
	return false
}

// isStale reports whether a commit at a time may mean another record at a position than the one that lies there.
func (r *reference) isStale(p ledger.Position, at time.Duration) bool {
	return p.Topic == 0 && r.isTruncated(&ledger.Event{Partition: p.Partition, Offset: p.Offset, At: at}, r.facts.Session)
}

// returnsToCut reports whether a commit below one of an earlier time goes back to a place behind which the log was cut.
func (r *reference) returnsToCut(e *ledger.Event, earlier time.Duration) bool {
	for _, t := range r.facts.Truncations {
		if e.Topic == 0 && e.Partition == t.Partition && e.Offset >= t.From && e.At >= t.Began && earlier <= t.Elected+r.facts.Session {
			return true
		}
	}
	return false
}
