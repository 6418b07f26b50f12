package fault

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// LackReplicas takes a replica of a topic whose min.insync.replicas needs it: the leader of
// the fullest partition is killed. The brokers then refuse records with acks=all. It affects
// all partitions. Its heal starts the node again.
type LackReplicas struct{}

// Name implements [harness.Fault].
func (LackReplicas) Name() string { return "too few replicas" }

// Inject implements [harness.Fault].
func (f LackReplicas) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	heal, err = KillBroker{}.Inject(ctx, env)
	env.Target.Partitions = allPartitions(len(env.Log.Appended()))
	return heal, err
}

// Verify waits until the node does not answer, another one leads, and no record has been
// accepted for a second.
func (LackReplicas) Verify(ctx context.Context, env *harness.Env) error {
	if err := (KillBroker{}).Verify(ctx, env); err != nil {
		return err
	}
	for {
		before := env.Log.Appended()
		if !sleep(ctx, time.Second) {
			return errors.New("the brokers still accept records")
		}
		if slices.Equal(before, env.Log.Appended()) {
			return nil
		}
	}
}

// Requires implements [harness.Requirer].
func (LackReplicas) Requires(c harness.Cluster) error { return requireReplication(c) }

func requireReplication(c harness.Cluster) error {
	if _, ok := c.(harness.Replicator); !ok {
		return errors.New("this back end keeps one copy of each record for all brokers")
	}
	return nil
}

var _ harness.Requirer = LackReplicas{}

var _ = registerFault(Known{
	Fault: LackReplicas{}, What: "A node ends, and the others refuse records until it is back.", By: "SIGKILL and min.insync.replicas of the topic",
	Removes: ABroker, LeftOut: "it needs a topic of its own",
	Scenario: func(s *harness.Scenario) { s.TopicConfig = map[string]string{"min.insync.replicas": "3"} },
})
