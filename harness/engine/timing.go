package engine

import (
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/observe"
)

// Linger is how long the producer of a scenario waits for more records of a batch on a back
// end: as the scenario or the command line says, else as the back end says for the rate of the
// load.
func Linger(s *harness.Scenario, b harness.Backend) time.Duration {
	if s.Producer.Linger != 0 {
		return s.Producer.Linger
	}
	if of, ok := b.(harness.Lingerer); ok {
		return of.Linger(rateOf(s.Load.Pacer))
	}
	return harness.DefaultLinger
}

// rateOf is the mean rate of a load in records per second, infinite for a flood.
func rateOf(p harness.Pacer) float64 {
	if _, flood := p.(harness.Flooder); flood {
		return math.Inf(1)
	}
	records, first, last := load.Extent(p)
	if records < 2 {
		return 0
	}
	return float64(records-1) / (last - first).Seconds()
}

// producerSettings are those of a scenario with the linger in effect.
func producerSettings(s *harness.Scenario, b harness.Backend) harness.ProducerSettings {
	settings := s.Producer
	settings.Linger = Linger(s, b)
	return settings
}

// groupPollInterval is how often the watcher polls the group. It is longer in virtual
// time, where each poll costs as much as a request, and for a large group, whose members
// each poll describes.
func groupPollInterval(b harness.Backend, pods int) time.Duration {
	base := observe.PollEvery
	if harness.IsVirtual(b) {
		base = 50 * time.Millisecond
	}
	return max(base, min(time.Duration(pods)*500*time.Microsecond, 250*time.Millisecond))
}

// loadPollInterval is how often the journals of the pods are read during the load.
func loadPollInterval(pods int) time.Duration {
	return max(pollInterval, time.Duration(pods)*time.Millisecond)
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
