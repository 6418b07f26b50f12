package engine

import "context"

// topicAdmin changes the source topic for faults. It implements [harness.TopicAdmin].
type topicAdmin struct{ setup *setup }

func (a topicAdmin) Offsets(ctx context.Context) (starts, ends []int64, err error) {
	return a.setup.client.Offsets(ctx)
}

func (a topicAdmin) DeleteRecords(ctx context.Context, below map[int32]int64) error {
	return a.setup.client.DeleteRecords(ctx, below)
}

func (a topicAdmin) AddPartitions(ctx context.Context, n int) error {
	return a.setup.client.AddPartitions(ctx, n)
}

// groupAdmin changes the run's group for faults. It implements [harness.GroupAdmin].
type groupAdmin struct{ setup *setup }

func (a groupAdmin) Commits(ctx context.Context) ([]int64, error) {
	return a.setup.client.Commits(ctx, a.setup.Scenario.FinalPartitions())
}

func (a groupAdmin) DeleteGroup(ctx context.Context) error { return a.setup.client.DeleteGroup(ctx) }
