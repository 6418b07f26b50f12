package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// groupEmptyTimeout is how long members may stay in the group that did not leave it.
const groupEmptyTimeout = time.Minute

// ExpireCommits asks all pods to leave, and deletes the group with its commits once it is
// empty. That is what the broker does to a group that was idle for longer than
// offsets.retention.minutes. Its heal starts the pods again. They find no commit.
type ExpireCommits struct{}

// Name implements [harness.Fault].
func (ExpireCommits) Name() string { return "expire commits" }

// Inject implements [harness.Fault]. A member that did not leave keeps the group alive until
// its session is over. With an error it also returns the heal of what it stopped.
func (ExpireCommits) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	var running []harness.Pod
	for _, pod := range env.Pods {
		if _, ok := pod.(harness.Leaver); ok && isRunning(pod) {
			running = append(running, pod)
		}
	}
	if len(running) == 0 {
		return nil, errors.New("no pod runs that could leave")
	}
	env.Target = harness.Target{Name: "all pods", Partitions: allPartitions(len(env.Group.Owners()))}
	heal = func(ctx context.Context) error { return startPods(ctx, running) }
	if err := stopPods(ctx, running); err != nil {
		return heal, err
	}
	within, cancel := context.WithTimeout(ctx, groupEmptyTimeout)
	defer cancel()
	return heal, retryUntil(within, func() error { return env.Groups.DeleteGroup(within) })
}

// Verify checks that the group has no commit.
func (ExpireCommits) Verify(ctx context.Context, env *harness.Env) error {
	return retryUntil(ctx, func() error {
		commits, err := env.Groups.Commits(ctx)
		if err != nil {
			return err
		}
		for p, offset := range commits {
			if offset >= 0 {
				return fmt.Errorf("the group still has a commit of partition %d: %d", p, offset)
			}
		}
		return nil
	})
}

// RequiresOf implements [harness.ConsumerRequirer]. A group without commits reads the log from
// its start. Exactly-once on Kafka is one transaction of an output and the commit of its record.
// Once the commit is lost, the output comes again. No consumer can keep that claim, nor
// at-most-once.
func (ExpireCommits) RequiresOf(i *harness.Implementation, _ harness.Protocol) error {
	if i.Delivery == harness.ExactlyOnce || i.Delivery == harness.AtMostOnce {
		return fmt.Errorf("no consumer keeps %s without its commits: it reads the log again", i.Delivery)
	}
	return nil
}

// startPods starts pods, all at once. It leaves out those that run.
func startPods(ctx context.Context, pods []harness.Pod) error {
	errs := make(chan error, len(pods))
	for _, pod := range pods {
		go func() { errs <- restart(pod)(ctx) }()
	}
	var all error
	for range pods {
		all = errors.Join(all, <-errs)
	}
	return all
}

var _ interface {
	harness.Fault
	harness.ConsumerRequirer
} = ExpireCommits{}

var _ = registerFault(Known{
	Fault: ExpireCommits{}, What: "All pods leave, the group is deleted with its commits, and the pods come back.", By: "DeleteGroups of Kafka's admin API, once the pods have left",
	Removes: ATopic, LeftOut: "it ends all pods at once",
	Consumer: "keyed",
})
