package engine

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// stopwatch measures the parts of a run.
type stopwatch struct {
	clock   ledger.Clock
	parts   []harness.RunPart
	lapTime int64 // end of the last part, ns on CLOCK_MONOTONIC
	lapCPU  time.Duration
}

// restart lets the next part start at a time, ns on CLOCK_MONOTONIC.
func (s *stopwatch) restart(at int64) { s.lapTime, s.lapCPU = at, CPU() }

// endPart ends a part now; the next one starts.
func (s *stopwatch) endPart(name string) {
	now, cpu := s.clock.Now(), CPU()
	s.parts = append(s.parts, harness.RunPart{Name: name, Took: time.Duration(now - s.lapTime), CPU: cpu - s.lapCPU})
	s.lapTime, s.lapCPU = now, cpu
}

// CPU is the CPU time that this process has used so far.
func CPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
