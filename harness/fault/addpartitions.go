package fault

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// AddPartitions adds partitions to the source while the producer sends to it and the group
// reads it. From then on the records of a key may go to another partition than before.
type AddPartitions struct {
	Partitions int // Partitions is how many are added; 0 is 4.
}

const defaultAdded = 4 // partitions

// Name implements [harness.Fault].
func (AddPartitions) Name() string { return "add partitions" }

// AddedPartitions implements [harness.PartitionAdder].
func (f AddPartitions) AddedPartitions(int) int {
	if f.Partitions == 0 {
		return defaultAdded
	}
	return f.Partitions
}

// Inject implements [harness.Fault]. Partitions cannot be removed, so it has no heal.
func (f AddPartitions) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	starts, _, err := env.Topics.Offsets(ctx)
	if err != nil {
		return nil, err
	}
	env.Target = harness.Target{Name: fmt.Sprintf("partitions %d to %d", len(starts), len(starts)+f.AddedPartitions(0)-1)}
	for p := range f.AddedPartitions(0) {
		env.Target.Partitions = append(env.Target.Partitions, int32(len(starts)+p))
	}
	return nil, env.Topics.AddPartitions(ctx, f.AddedPartitions(0))
}

// Verify waits until the producer has sent to each new partition.
func (AddPartitions) Verify(ctx context.Context, env *harness.Env) error {
	return retryUntil(ctx, func() error {
		appended := env.Log.Appended()
		for _, p := range env.Target.Partitions {
			if int(p) >= len(appended) || appended[p] == 0 {
				return fmt.Errorf("the producer has sent nothing to partition %d", p)
			}
		}
		return nil
	})
}

var _ interface {
	harness.Fault
	harness.PartitionAdder
} = AddPartitions{}

var _ = registerFault(Known{
	Fault: AddPartitions{}, What: "The topic gets four more partitions, and the producer uses them.", By: "CreatePartitions of Kafka's admin API",
	Removes: ATopic, LeftOut: "a run knows from the start how many partitions it will have",
})
