package engine

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/pod"
)

// incidents are what any goroutine of a run may report at any time: broken assumptions,
// and pods that ended by themselves. Safe for concurrent use.
type incidents struct {
	mu     sync.Mutex
	broken map[string]string // the reasons, by assumption
	exits  []pod.Incarnation

	expulsions []harness.Anomaly // expulsions are those that are the consumer's own fault

	truncations []oracle.Truncation // truncations have times of CLOCK_MONOTONIC.
}

// recordTruncation notes where an unclean election cut off the source.
func (i *incidents) recordTruncation(t oracle.Truncation) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.truncations = append(i.truncations, t)
}

// allTruncations are where unclean elections cut off the source so far.
func (i *incidents) allTruncations() []oracle.Truncation {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.truncations)
}

// breakAssumption notes why an assumption does not hold. The first reason stays.
func (i *incidents) breakAssumption(name, why string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.broken == nil {
		i.broken = map[string]string{}
	}
	if i.broken[name] == "" {
		i.broken[name] = why
	}
}

// brokenAssumptions are the reasons so far, by assumption.
func (i *incidents) brokenAssumptions() map[string]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.broken)
}

// recordExit notes that a pod has ended by itself.
func (i *incidents) recordExit(in pod.Incarnation) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.exits = append(i.exits, in)
}

// recordExpulsion notes an expulsion that is the consumer's own fault.
func (i *incidents) recordExpulsion(a harness.Anomaly) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.expulsions = append(i.expulsions, a)
}

// ownExpulsions are the expulsions so far that are the consumer's own fault.
func (i *incidents) ownExpulsions() []harness.Anomaly {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.expulsions)
}

// podExits are the pods that have ended by themselves so far.
func (i *incidents) podExits() []pod.Incarnation {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.exits)
}

// checkPodFaults returns an error if a fault of the harness has ended a pod, such as a
// full disk. The run says nothing about the consumer then.
func (i *incidents) checkPodFaults() error {
	for _, in := range i.podExits() {
		if in.Exit == pod.ExitFault {
			return fmt.Errorf("pod %s ended by a fault of the harness: %s", in.Pod, in.Cause)
		}
	}
	return nil
}

// checkNoExit returns an error if a pod has ended by itself before the group has formed.
func (i *incidents) checkNoExit() error {
	exits := i.podExits()
	if len(exits) == 0 {
		return nil
	}
	in := exits[0]
	return fmt.Errorf("pod %s ended by itself before the group had formed: %s\nIts output:\n%s", in.Pod, in.Cause, in.Excerpt(len(in.Stderr)))
}
