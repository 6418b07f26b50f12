package fault

import (
	"context"
	"errors"

	"github.com/stampede-bench/stampede/harness"
)

// RecreateTopic deletes the source and creates it again under its name, while the pods run. The
// producer waits meanwhile, and sends what is due to the new topic. What no pod had completed is
// gone. What is deleted stays deleted, so it has no heal.
type RecreateTopic struct{}

// Name implements [harness.Fault].
func (RecreateTopic) Name() string { return "recreate topic" }

// AddedPartitions implements [harness.PartitionAdder].
func (RecreateTopic) AddedPartitions(created int) int { return created }

// Inject implements [harness.Fault].
func (RecreateTopic) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	before, err := env.Topics.TopicID(ctx)
	if err != nil {
		return nil, err
	}
	topics, log, sent := env.Topics, env.Log, sum(env.Log.Appended())
	env.Target = harness.Target{Name: "all partitions", Partitions: allPartitions(len(env.Group.Owners()))}
	env.Check = func(ctx context.Context) error {
		switch now, err := topics.TopicID(ctx); {
		case err != nil:
			return err
		case now == before:
			return errors.New("the topic still has the id that it had")
		case sum(log.Appended()) <= sent:
			return errors.New("the producer has appended nothing to the new topic")
		}
		return nil
	}
	return nil, topics.RecreateTopic(ctx)
}

// Verify checks that the topic has another id, and that it gets records.
func (RecreateTopic) Verify(ctx context.Context, env *harness.Env) error {
	return retryUntil(ctx, func() error { return env.Check(ctx) })
}

func sum(counts []int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

var (
	_ harness.Fault          = RecreateTopic{}
	_ harness.PartitionAdder = RecreateTopic{}
)

var _ = registerFault(Known{
	Fault: RecreateTopic{}, What: "The topic is deleted and created again, and the producer goes on with the new one.", By: "DeleteTopics and CreateTopics of Kafka's admin API",
	Removes: ATopic, LeftOut: "all that no pod has completed is gone",
	Scenario: alone,
})
