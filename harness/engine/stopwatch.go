package engine

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// Stage is a part of a run and the time it took.
type Stage struct {
	Name string
	Took time.Duration
	CPU  time.Duration // CPU is the CPU time of this process: with embedded brokers, without the pods.
}

// stopwatch measures the stages of a run.
type stopwatch struct {
	clock   ledger.Clock
	stages  []Stage
	lapTime int64 // end of the last stage, ns on CLOCK_MONOTONIC
	lapCPU  time.Duration
}

// restart lets the first stage start at a time, ns on CLOCK_MONOTONIC.
func (s *stopwatch) restart(at int64) { s.lapTime, s.lapCPU = at, CPU() }

// endStage ends a stage now; the next one starts.
func (s *stopwatch) endStage(name string) {
	now, cpu := s.clock.Now(), CPU()
	s.stages = append(s.stages, Stage{name, time.Duration(now - s.lapTime), cpu - s.lapCPU})
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
