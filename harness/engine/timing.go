package engine

import (
	"cmp"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/observe"
)

// Linger is how long the producer lets a record wait for others. It is longer in
// virtual time, where requests are what costs.
func Linger(b harness.Backend) time.Duration {
	if harness.IsVirtual(b) {
		return 10 * time.Millisecond
	}
	return load.Linger
}

// producerSettings are those of a scenario with the linger of the back end.
func producerSettings(s harness.ProducerSettings, b harness.Backend) harness.ProducerSettings {
	s.Linger = cmp.Or(s.Linger, Linger(b))
	return s
}

// groupPollInterval is how often the watcher polls the group. It is longer in virtual
// time, where each poll costs as much as a request.
func groupPollInterval(b harness.Backend) time.Duration {
	if harness.IsVirtual(b) {
		return 50 * time.Millisecond
	}
	return observe.PollEvery
}

// newClock is the clock of a run on the back end.
func newClock(b harness.Backend) ledger.Clock {
	if harness.IsVirtual(b) {
		return ledger.NewVirtualClock()
	}
	return ledger.NewClock()
}

// loadClock is a clock that knows the start of the load.
type loadClock struct {
	ledger.Clock
	start int64 // ns on CLOCK_MONOTONIC
}

// sinceStart is a time on CLOCK_MONOTONIC, counted from the start of the load.
func (c loadClock) sinceStart(mono int64) time.Duration { return time.Duration(mono - c.start) }

// elapsed is the time since the start of the load.
func (c loadClock) elapsed() time.Duration { return c.sinceStart(c.Now()) }
