package engine

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
)

// Plan is one run to be made.
type Plan struct {
	Scenario harness.Scenario // Scenario with overrides and defaults in place, see [Overrides.Apply].
	Consumer harness.Selection
	Backend  harness.Backend
	Repeat   int // Repeat counts from 1; load and fault choices depend on it and on Seed alone.
	Seed     uint64
	// KeepIn is the folder to keep the ledger of a run in that did not come out as
	// it should, or with KeepAll of any run. "": none is kept.
	KeepIn  string
	KeepAll bool
	Command string // Command repeats the run, for those who find its ledger.
	// Progress is called a few times a second from one goroutine. May be nil.
	Progress func(Progress)
}

// Progress is where a run is.
type Progress struct {
	Phase    string // Phase is starting, forming, load, drain, stopping or judging.
	Sent     int64
	Finished int64
	Backlog  int64
	Rate     float64       // Rate of first effects a second, of late.
	Elapsed  time.Duration // Elapsed since the start of the load, or of the run before it.
}

// Outcome is a run and what of it can be merged with others.
type Outcome struct {
	Run       harness.Run
	Latencies *measure.Latencies
	// Stages are what the run spent its time on, from the first record sent to
	// the last one judged, in order.
	Stages []Stage
}

// Stage is a part of a run and the time it took.
type Stage struct {
	Name string
	Took time.Duration
	CPU  time.Duration // CPU time of this process, embedded brokers included, and none of the pods'
}

// CPU is the CPU time that this process has used so far.
func CPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
