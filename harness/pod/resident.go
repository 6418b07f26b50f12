package pod

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// resident is a pod of a [Local].
type resident struct{ *seat[*life] }

var (
	_ harness.Pod    = resident{}
	_ harness.Pauser = resident{}
	_ harness.Leaver = resident{}
	_ harness.Prober = resident{}
)

// Pause implements [harness.Pauser]: from its return on nothing comes from the
// pod, neither to its brokers nor into its journal. Its timers go on inside, and
// find what they do held until it resumes.
func (r resident) Pause(context.Context) error {
	l, err := r.living()
	if err != nil {
		return fmt.Errorf("pause %s: %w", r.name, err)
	}
	l.pause()
	return nil
}

// Resume implements [harness.Pauser].
func (r resident) Resume(context.Context) error {
	if l, err := r.living(); err == nil {
		l.resume()
	}
	return nil
}

// Paused implements [harness.Prober].
func (r resident) Paused() bool {
	l, err := r.living()
	return err == nil && l.paused()
}
