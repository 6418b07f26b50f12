package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// DeleteRecords deletes what the pod that is furthest behind has not committed, up to the last
// few records of each of its partitions. That is what retention does to a slow consumer.
type DeleteRecords struct {
	Left int64 // Left is how many records of each partition are left; 0 is 5.
}

// defaultLeft is how many records of a partition are left.
const defaultLeft = 5

// Name implements [harness.Fault].
func (DeleteRecords) Name() string { return "delete records" }

// Inject implements [harness.Fault]. What is deleted stays deleted, so it has no heal.
func (f DeleteRecords) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	behind, err := f.findBehind(ctx, env)
	if err != nil {
		return nil, fmt.Errorf("choose what to delete: %w", err)
	}
	if len(behind.below) == 0 {
		return nil, errors.New("no pod has records past its commits that could be deleted: all are too fast, or the fault comes too early")
	}
	env.Target = harness.Target{Name: "partitions of " + behind.pod, Partitions: slices.Sorted(maps.Keys(behind.below))}
	topics := env.Topics
	env.Check = func(ctx context.Context) error { return checkStarts(ctx, topics, behind.below) }
	return nil, topics.DeleteRecords(ctx, behind.below)
}

// backlog is what a pod has not committed yet.
type backlog struct {
	pod   string
	size  int64
	below map[int32]int64 // below are the starts of the logs after the deletion.
}

// findBehind finds the pod with the largest backlog. Of equal ones the first name counts.
func (f DeleteRecords) findBehind(ctx context.Context, env *harness.Env) (most backlog, err error) {
	_, ends, err := env.Topics.Offsets(ctx)
	if err != nil {
		return most, err
	}
	commits, err := env.Groups.Commits(ctx)
	if err != nil {
		return most, err
	}
	owners := env.Group.Owners()
	if env.Share { // all pods share all partitions
		owners = slices.Repeat([]string{"all pods"}, len(ends))
	}
	for _, pod := range slices.Compact(slices.Sorted(slices.Values(owners))) {
		this := backlog{pod: pod, below: map[int32]int64{}}
		for p := range min(len(ends), len(commits), len(owners)) {
			start, committed := ends[p]-cmp.Or(f.Left, defaultLeft), max(commits[p], 0)
			if owners[p] == pod && start > committed {
				this.below[int32(p)], this.size = start, this.size+start-committed
			}
		}
		if pod != "" && this.size > most.size {
			most = this
		}
	}
	return most, nil
}

// checkStarts checks that the log of each partition begins at an offset, or later.
func checkStarts(ctx context.Context, topics harness.TopicAdmin, want map[int32]int64) error {
	starts, _, err := topics.Offsets(ctx)
	if err != nil {
		return err
	}
	for p, offset := range want {
		if int(p) >= len(starts) || starts[p] < offset {
			return fmt.Errorf("the log of partition %d does not begin at %d: the logs begin at %v", p, offset, starts)
		}
	}
	return nil
}

// Verify asks the brokers where the logs begin.
func (DeleteRecords) Verify(ctx context.Context, env *harness.Env) error {
	return retryUntil(ctx, func() error { return env.Check(ctx) })
}

// RequiresOf implements [harness.ConsumerRequirer]. A share group of kfake hands out offsets that
// are deleted, and with them the first that are left, without a record. Members can only release
// them, until the group gives them up.
func (DeleteRecords) RequiresOf(i *harness.Implementation, _ harness.Protocol) error {
	if i.Share {
		return errors.New("share groups are left out, since those of the simulated broker do not follow the start of the log")
	}
	return nil
}

var _ interface {
	harness.Fault
	harness.ConsumerRequirer
} = DeleteRecords{}

var _ = registerFault(Known{
	Fault: DeleteRecords{}, What: "Retention deletes what a pod has not read yet, up to the last few records of its partitions.", By: "DeleteRecords of Kafka's admin API",
	Removes: ATopic, LeftOut: "a pod that keeps up has nothing that could be deleted",
	Scenario: func(s *harness.Scenario) {
		s.Workers, s.Window = 1, 20
		s.Slowdown = harness.Slowdown{To: InjectedAt + time.Second, Factor: 100}
	}, Consumer: "serial",
})
