package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/stampede-bench/stampede/harness"
)

const (
	silenceLimit = 15 * time.Second // silenceLimit is how long a node that runs may leave requests unanswered.
	inspectLimit = 10 * time.Second // inspectLimit is how long the engine may take to describe a container.
	unseenLimit  = 5 * time.Second  // unseenLimit is how long the engine may fail to describe a container.
)

// loss is the first loss of a node of a cluster. The cluster serves no run after
// it. Its zero value and nil are a cluster that has lost no node.
type loss struct {
	mu  sync.Mutex
	err error
}

// reason returns the loss, nil without one.
func (l *loss) reason() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// note keeps the first loss, and returns it.
func (l *loss) note(found []error) error {
	var texts []string
	for _, err := range found {
		if err != nil && !slices.Contains(texts, err.Error()) { // an engine that is down is the same for all nodes
			texts = append(texts, err.Error())
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(texts) > 0 && l.err == nil {
		l.err = errors.New(strings.Join(texts, "; "))
	}
	return l.err
}

// watch is what the checks of a node compare with and remember.
type watch struct {
	left     *container.State // left is the state in which Stampede left the container, nil if not known.
	answered bool             // answered: it has answered since its start.
	silent   outage           // silent is the time without an answer.
	unseen   outage           // unseen is the time in which the engine did not describe the container.
}

// forget makes the state unknown while Stampede changes it.
func (w *watch) forget() { *w = watch{} }

// isDown reports whether Stampede left the container down.
func (w *watch) isDown() bool { return w.left != nil && !w.left.Running }

// isUp reports whether Stampede left the container running.
func (w *watch) isUp() bool { return w.left != nil && w.left.Running }

// outage is how long something has failed in every try.
type outage struct{ since time.Time }

// lasts notes another failure, and returns the time since the first one.
func (o *outage) lasts() time.Duration {
	if o.since.IsZero() {
		o.since = time.Now()
	}
	return time.Since(o.since)
}

// end notes a success.
func (o *outage) end() { o.since = time.Time{} }

// CheckNodes implements [harness.NodeChecker]. It compares each container with the
// state in which Stampede left it, and asks each node that should run for an answer.
// So what a fault did is no loss, and what another did during a fault is one.
func (c *cluster) CheckNodes(ctx context.Context) error {
	if err := c.loss.reason(); err != nil {
		return err
	}
	found := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		wg.Go(func() { found[i] = n.checkUp(ctx) })
	}
	wg.Wait()
	return c.loss.note(found)
}

// checkUp returns an error if the node is lost. While Stampede kills or starts the
// node, those methods do the check.
func (n *node) checkUp(ctx context.Context) error {
	if !n.mu.TryLock() {
		return nil
	}
	defer n.mu.Unlock()
	if err := n.checkContainer(ctx); err != nil || !n.mustAnswer() {
		return err
	}
	return n.checkAnswer(ctx)
}

// mustAnswer reports whether the node runs and no fault keeps it from answering.
func (n *node) mustAnswer() bool {
	return n.watch.isUp() && !n.watch.left.Paused && !n.unreachable && !n.slow.Load()
}

// checkContainer returns an error if the container is not as Stampede left it. The
// caller holds n.mu.
func (n *node) checkContainer(ctx context.Context) error {
	state, err := n.inspectState(ctx)
	switch {
	case ctx.Err() != nil:
		return nil
	case errdefs.IsNotFound(err):
		return permanentError{fmt.Errorf("%s was removed from outside Stampede", n.name())}
	case err != nil:
		if took := n.watch.unseen.lasts(); took > unseenLimit {
			return permanentError{fmt.Errorf("the Docker engine has not answered for %v: %w (start it again)", took.Round(time.Second), err)}
		}
		return nil
	}
	n.watch.unseen.end()
	if n.watch.left == nil {
		return nil
	}
	what := describeChange(n.watch.left, &state)
	if what == "" {
		return nil
	}
	if endedByItself(&state) {
		what += n.lastLines(ctx)
	}
	return permanentError{fmt.Errorf("%s %s", n.name(), what)}
}

// Exit statuses of a process that ended by a signal.
const (
	exitKilled     = 128 + 9
	exitTerminated = 128 + 15
)

// endedByItself reports whether no signal ended the container, so that its log may
// say why it ended.
func endedByItself(s *container.State) bool {
	return !s.Running && s.Status != container.StateRemoving && !s.OOMKilled && s.ExitCode != exitKilled && s.ExitCode != exitTerminated
}

// describeChange says what happened to a container since Stampede left it, "" for
// nothing.
func describeChange(left, now *container.State) string {
	switch {
	case now.Status == container.StateRemoving:
		return "was removed from outside Stampede"
	case left.Running && !left.Paused && now.Paused:
		return "was paused from outside Stampede"
	case left.Paused && now.Running && !now.Paused:
		return "was resumed from outside Stampede"
	case left.Running && !now.Running && now.OOMKilled:
		return fmt.Sprintf("was killed by the kernel: its container was out of memory (limit %d MiB)", nodeMemory>>20)
	case left.Running && !now.Running && now.ExitCode == exitKilled:
		return "was killed by a SIGKILL that Stampede did not send"
	case left.Running && !now.Running && now.ExitCode == exitTerminated:
		return "was stopped by a SIGTERM that Stampede did not send"
	case left.Running && !now.Running:
		return fmt.Sprintf("ended by itself with status %d", now.ExitCode)
	case now.StartedAt != left.StartedAt:
		return "was started again from outside Stampede"
	}
	return ""
}

// checkAnswer returns an error if a node that has answered does not answer any more.
func (n *node) checkAnswer(ctx context.Context) error {
	_, err := n.fetchMetadata(ctx)
	if err == nil {
		n.watch.answered = true
		n.watch.silent.end()
	}
	if err == nil || ctx.Err() != nil || !n.watch.answered {
		return nil
	}
	if took := n.watch.silent.lasts(); took > silenceLimit {
		return permanentError{fmt.Errorf("%s has not answered for %v, although its container runs: %w", n.name(), took.Round(time.Second), err)}
	}
	return nil
}

// leaveContainer notes the state of the container as Stampede leaves it, up or down.
func (n *node) leaveContainer(ctx context.Context, up bool) error {
	state, err := n.inspectState(ctx)
	if err != nil {
		return err
	}
	state.Running = up // what has happened since is a change
	n.watch = watch{left: &state}
	return nil
}

func (n *node) inspectState(ctx context.Context) (container.State, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectLimit) // an engine that hangs has no limit of its own
	defer cancel()
	c, err := n.engine.ContainerInspect(ctx, n.container, client.ContainerInspectOptions{})
	if err != nil {
		return container.State{}, err
	}
	return *c.Container.State, nil
}

// name names the node in a report. Inside the cluster its name is kafka-1 and so on.
func (n *node) name() string { return fmt.Sprintf("node %d (%s)", n.id, hostname(n.id)) }

var _ harness.NodeChecker = (*cluster)(nil)
