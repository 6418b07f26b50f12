package engine

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// Limits of what a run may ask for. Far fewer are of use on one machine.
const (
	maxPods    = 1_000      // pods of a run, spare ones included; each is a process
	maxWorkers = 100_000    // workers of a pod; each is a goroutine
	maxWindow  = 10_000_000 // records that a pod may hold
)

// Memory that a pod needs at least.
const (
	processMemory   = 20 << 20 // of a pod that is a process
	goroutineMemory = 8 << 10  // of a worker
	recordMemory    = 300      // of a record in the window, in addition to its value
)

// checkPods returns an error if the pods of a scenario are too many.
func checkPods(s *harness.Scenario) error {
	if n := s.Pods + s.Spare; n > maxPods {
		return fmt.Errorf("%d pods are more than one machine can run: at most %d", n, maxPods)
	}
	return nil
}

// checkPodSize returns an error if a pod is too large.
func checkPodSize(cfg *harness.Config) error {
	switch {
	case cfg.Workers > maxWorkers:
		return fmt.Errorf("%d workers of a pod are more than one process can use: at most %d", cfg.Workers, maxWorkers)
	case cfg.Window > maxWindow:
		return fmt.Errorf("a window of %d records is more than one process can hold: at most %d", cfg.Window, maxWindow)
	case cfg.MaxPoll > maxWindow:
		return fmt.Errorf("a poll of %d records is more than one process can hold: at most %d", cfg.MaxPoll, maxWindow)
	}
	return nil
}

// PodMemory estimates how many bytes all pods of a run need at least, with full windows.
// Virtual pods are goroutines of one process.
func PodMemory(s *harness.Scenario, c harness.Selection, virtual bool) (float64, error) {
	cfg, err := consumerConfig(s, c, 0)
	if err != nil {
		return 0, err
	}
	pod := float64(cfg.Workers)*goroutineMemory + float64(cfg.Window)*float64(s.Load.Payload+recordMemory)
	if !virtual {
		pod += processMemory
	}
	return pod * float64(s.Pods+s.Spare), nil
}
