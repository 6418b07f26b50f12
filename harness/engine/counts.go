package engine

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// counter counts what the replay shows.
type counter struct{ counts harness.Counts }

// Observe implements [oracle.Observer].
func (c *counter) Observe(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case ledger.EventSent:
			c.counts.Sent++
		case ledger.EventAcked:
			switch e.Outcome {
			case ledger.OutcomeAcked:
				c.counts.Acked++
			case ledger.OutcomeFailed:
				c.counts.Failed++
			}
		case ledger.EventEnd:
			if e.Owner != 0 { // an output has no owner
				c.counts.Attempts++
			}
			if e.First {
				c.counts.Completed++
			}
		}
	}
	c.counts.Unknown = c.counts.Sent - c.counts.Acked - c.counts.Failed
}
