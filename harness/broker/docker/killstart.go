package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/client"
)

const (
	killTimeout    = 30 * time.Second
	restartTimeout = time.Minute
)

// Kill implements [harness.Node].
func (n *node) Kill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.killContainer(ctx); err != nil {
		return fmt.Errorf("kill node %d: %w", n.id, err)
	}
	return nil
}

func (n *node) killContainer(ctx context.Context) error {
	if err := n.checkContainer(ctx); err != nil {
		return err
	}
	if n.watch.isDown() {
		return errors.New("it is down already")
	}
	n.fronts.takeDown(n) // a front must not accept for a dead broker
	err := n.endContainer(ctx, n.sendSignal("SIGKILL"))
	if err != nil && n.watch.left != nil { // it was not sent
		err = errors.Join(err, n.fronts.bringUp(ctx, n))
	}
	return err
}

// sendSignal returns a function that sends a signal to the container.
func (n *node) sendSignal(signal string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := n.engine.ContainerKill(ctx, n.container, client.ContainerKillOptions{Signal: signal})
		return err
	}
}

// endContainer makes the container end, and waits for the end. If by fails, the container is
// as it was.
func (n *node) endContainer(ctx context.Context, by func(context.Context) error) error {
	request, cancel := uncancelled(ctx)
	defer cancel()
	if err := by(request); err != nil {
		return err
	}
	n.watch.forget()
	n.isolated, n.unreachable = false, false // the filters end with the container
	err := n.retryUnlessLost(ctx, func(ctx context.Context) error {
		state, err := n.inspectState(ctx)
		if err != nil {
			return err
		}
		if state.Running {
			return errors.New("it still runs")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return n.leaveContainer(ctx, false)
}

// Start implements [harness.Node]. It returns once the node answers clients and
// lists itself among the brokers, which it does after its registration. Its
// replicas may still be catching up.
func (n *node) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, restartTimeout, fmt.Errorf("not back after %v", restartTimeout))
	defer cancel()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.startContainer(ctx); err != nil {
		return fmt.Errorf("start node %d: %w", n.id, err)
	}
	if err := n.retryUnlessLost(ctx, n.checkRegistered); err != nil {
		return fmt.Errorf("start node %d: %w%s", n.id, err, n.lastLines(ctx))
	}
	if err := n.findAddress(ctx); err != nil {
		return err
	}
	if err := n.fronts.bringUp(ctx, n); err != nil {
		return fmt.Errorf("start node %d: %w", n.id, err)
	}
	return nil
}

func (n *node) startContainer(ctx context.Context) error {
	if err := n.checkContainer(ctx); err != nil {
		return err
	}
	state, err := n.inspectState(ctx)
	if err != nil {
		return err
	}
	switch {
	case state.Running && n.down.Load():
		return nil // an earlier start ended half-way, so its fronts are still down
	case state.Running:
		return errors.New("it runs already")
	}
	// While the node was down another socket could take its port, for example the
	// near end of a connection for a moment.
	err = n.retryUnlessLost(ctx, func(ctx context.Context) error {
		ctx, cancel := uncancelled(ctx)
		defer cancel()
		_, err := n.engine.ContainerStart(ctx, n.container, client.ContainerStartOptions{})
		if err != nil && !portTaken(err) {
			return permanentError{err}
		}
		return err
	})
	if err != nil {
		return err
	}
	n.watch.forget()
	return n.leaveContainer(ctx, true)
}

// ensureUp starts the node if a fault of an earlier run left it down.
func (n *node) ensureUp(ctx context.Context) error {
	state, err := n.inspectState(ctx)
	if err != nil {
		return fmt.Errorf("node %d: %w", n.id, err)
	}
	if err := n.restore(ctx); err != nil {
		return fmt.Errorf("node %d: %w", n.id, err)
	}
	if !state.Running || n.down.Load() {
		return n.Start(ctx)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.watch.left == nil { // a fault went wrong half-way
		return n.leaveContainer(ctx, true)
	}
	return nil
}

// checkRegistered returns nil once the node lists itself among the brokers.
func (n *node) checkRegistered(ctx context.Context) error {
	if err := n.checkContainer(ctx); err != nil {
		return err
	}
	meta, err := n.fetchMetadata(ctx)
	if err != nil {
		return err
	}
	for _, b := range meta.Brokers {
		if b.NodeID == n.id {
			return nil
		}
	}
	return errors.New("it is not registered yet")
}

// retryUnlessLost is [retryUntil] that ends when the cluster has lost any node.
// Without it a node may never be ready.
func (n *node) retryUnlessLost(ctx context.Context, try func(context.Context) error) error {
	return retryUntil(ctx, func(ctx context.Context) error {
		if err := n.loss.reason(); err != nil {
			return permanentError{err}
		}
		return try(ctx)
	})
}
