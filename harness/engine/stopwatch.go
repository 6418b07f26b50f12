package engine

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/measure"
)

// stopwatch measures the parts of a run.
type stopwatch struct {
	clock   ledger.Clock
	parts   []harness.RunPart
	lapTime int64 // end of the last part, ns on CLOCK_MONOTONIC
	lapCPU  time.Duration
}

// restart lets the next part start at a time, ns on CLOCK_MONOTONIC.
func (s *stopwatch) restart(at int64) { s.lapTime, s.lapCPU = at, measure.CPU() }

// endPart ends a part now; the next one starts.
func (s *stopwatch) endPart(name string) {
	now, cpu := s.clock.Now(), measure.CPU()
	s.parts = append(s.parts, harness.RunPart{Name: name, Took: time.Duration(now - s.lapTime), CPU: cpu - s.lapCPU})
	s.lapTime, s.lapCPU = now, cpu
}
