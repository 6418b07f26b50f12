package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
)

// Plan is one run to make.
type Plan struct {
	Scenario harness.Scenario // Scenario has overrides and defaults applied, see [Overrides.Apply].
	Consumer harness.Selection
	Backend  harness.Backend
	Repeat   int // Repeat counts from 1. Load and targets of faults depend on Repeat and Seed only.
	Seed     uint64
	// KeepIn is the folder for the ledger of a run that did not end as expected, or, with
	// KeepAll, of any run. "" keeps no ledger.
	KeepIn  string
	KeepAll bool
	Command string // Command repeats the run. The saved ledger has it.
	// FinalRead is how the source is read at the end. "" is the environment's, see [FinalReadUnproven].
	FinalRead FinalRead
	// Progress is called a few times a second from one goroutine. May be nil.
	Progress func(Progress)
}

// label names a run in errors.
func (p *Plan) label() string {
	return strings.Join([]string{p.Scenario.Name, p.Consumer.Name(), fmt.Sprint(p.Repeat)}, "/")
}

// Progress is the progress of a run.
type Progress struct {
	Phase     string // Phase is starting, forming, load, drain, stopping or judging.
	Delay     string // Delay says why the phase takes longer than expected.
	Sent      int64
	Completed int64
	Backlog   int64
	Rate      float64       // Rate is completed records per second, over the last two seconds.
	Elapsed   time.Duration // Elapsed is the time since the start of the load; before it, of the run.
}

// Outcome is the report of a run, and what can be merged with other runs.
type Outcome struct {
	Run       harness.Run
	Latencies *measure.Latencies
	// Proven is how many records of the source the final read did not read, and WholeRead is why
	// it read all, "" if it did not.
	Proven    int64
	WholeRead string
}
