package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// KillProducer ends the producer with its records in flight. It affects no pod. Its heal
// starts the producer again, which goes on with the next record.
type KillProducer struct{}

// Name implements [harness.Fault].
func (KillProducer) Name() string { return "kill producer" }

// Inject implements [harness.Fault].
func (KillProducer) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	env.Target = harness.Target{Name: "the producer", Partitions: allPartitions(len(env.Group.Owners())), None: true}
	if err := env.Producer.Kill(ctx); err != nil {
		return nil, fmt.Errorf("kill the producer: %w", err)
	}
	return env.Producer.Start, nil
}

// Verify checks that the producer has ended and that no more records are acknowledged.
func (KillProducer) Verify(ctx context.Context, env *harness.Env) error {
	if env.Producer.Running() {
		return errors.New("the producer is still running")
	}
	before := env.Log.Appended()
	if sleep(ctx, 100*time.Millisecond) && !slices.Equal(before, env.Log.Appended()) {
		return errors.New("records are still acknowledged")
	}
	return nil
}

var _ = registerFault(Known{
	Fault: KillProducer{}, What: "The producer ends with records in flight, whose outcomes are unknown, and a new one goes on.", By: "the end of its client and its connections",
	Removes: AProducer, Lasts: between(time.Second, 0.5),
})
