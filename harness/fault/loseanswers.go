package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// OffsetCommit is the API key of a group's commits in the Kafka protocol.
const OffsetCommit int16 = 8

// LoseAnswers loses the broker's answers to one kind of request of the pods: the
// request is carried out, and then the connection breaks. Affected are all
// partitions. It heals by losing no more, and it is an error if none was lost by
// then. Without a heal nobody asks.
type LoseAnswers struct {
	Key   int16 // Key is the API key in the Kafka protocol, as [OffsetCommit].
	Limit int   // Limit is how many answers each pod loses at most. 0: all.
}

// Name implements [harness.Fault].
func (f LoseAnswers) Name() string {
	if f.Key == OffsetCommit {
		return "lose answers to commits"
	}
	return fmt.Sprintf("lose answers to requests of key %d", f.Key)
}

// Inject implements [harness.Fault].
func (f LoseAnswers) Inject(_ context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	c := env.Cluster.(harness.ResponseDropper)
	var stops []func() int
	stop := func() (lost int) {
		for _, stop := range stops {
			lost += stop()
		}
		return lost
	}
	for _, pod := range env.Pods {
		// A client id is the pod's name, a dot, and the incarnation.
		s, err := c.DropResponses(f.Key, pod.Name()+".", f.Limit)
		if err != nil {
			stop()
			return nil, err
		}
		stops = append(stops, s)
	}
	env.Target = harness.Target{Name: "answers to the pods"}
	for p := range env.Group.Owners() {
		env.Target.Partitions = append(env.Target.Partitions, int32(p))
	}
	return func(context.Context) error {
		if stop() == 0 {
			return errors.New("no answer was lost")
		}
		return nil
	}, nil
}

// Requires implements [harness.Requirer].
func (LoseAnswers) Requires(c harness.Cluster) error {
	if _, ok := c.(harness.ResponseDropper); !ok {
		return errors.New("this back end cannot lose answers")
	}
	return nil
}

var _ interface {
	harness.Fault
	harness.Requirer
} = LoseAnswers{}
