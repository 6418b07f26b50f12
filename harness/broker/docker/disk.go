package docker

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// CanFillDisk implements [harness.DiskFiller].
func (c *cluster) CanFillDisk() error { return requireTools("limits of file sizes", "prlimit") }

// FillDisk implements [harness.DiskFiller]. Each append to a file fails once no file may grow.
// Kafka then gives up its log folder and ends, as it does on a full disk.
func (c *cluster) FillDisk(ctx context.Context, id int32) error {
	if err := c.CanFillDisk(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("still running after %v", stopTimeout))
	defer cancel()
	return c.changeNode(ctx, "fill the disk of", id, func(ctx context.Context, n *node) error {
		if !n.watch.isUp() {
			return errors.New("it does not run")
		}
		if err := n.endContainer(ctx, n.limitFiles); err != nil {
			return err
		}
		n.fronts.takeDown(n)
		return nil
	})
}

// limitFiles forbids the container to write to a file beyond its first byte.
func (n *node) limitFiles(ctx context.Context) error {
	pid, err := n.findProcess(ctx)
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "prlimit", "--fsize=1:1", "--pid", strconv.Itoa(pid)).CombinedOutput(); err != nil {
		return fmt.Errorf("prlimit: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
