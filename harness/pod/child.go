package pod

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// child is a pod of a [Fleet].
type child struct{ *seat[*process] }

var (
	_ harness.Pod    = child{}
	_ harness.Pauser = child{}
	_ harness.Leaver = child{}
	_ harness.Prober = child{}
)

// Pause implements [harness.Pauser]: SIGSTOP to the pod and all of its process
// group, then wait until all its threads stand still.
func (c child) Pause(ctx context.Context) error {
	p, err := c.living()
	if err != nil {
		return fmt.Errorf("pause %s: %w", c.name, err)
	}
	p.pause()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !standsStill(p.os.Pid) {
		select {
		case <-poll.C:
		case <-p.reaped:
			return fmt.Errorf("pause %s: it ended: %s", c.name, p.record.Exit)
		case <-ctx.Done():
			return fmt.Errorf("pause %s: wait until it stands still: %w", c.name, context.Cause(ctx))
		}
	}
	return nil
}

// Resume implements [harness.Pauser], by SIGCONT.
func (c child) Resume(context.Context) error {
	c.roster.mu.Lock()
	defer c.roster.mu.Unlock()
	if c.starts > 0 {
		c.last.resume()
	}
	return nil
}

// Paused implements [harness.Prober].
func (c child) Paused() bool {
	p, err := c.living()
	return err == nil && standsStill(p.os.Pid)
}
