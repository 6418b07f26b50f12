package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// UncleanElection lets a replica lead that lacks records which were acknowledged: its node is
// killed, its leader appends more, and is killed. The node comes back without the leader, and
// its log counts. It takes as long as all of that takes. It affects all partitions. Its heal
// starts the leader again, which cuts its log.
type UncleanElection struct{}

// recordsToLose is how many records the leader appends alone.
const recordsToLose = 20

// Name implements [harness.Fault].
func (UncleanElection) Name() string { return "unclean election" }

// Inject implements [harness.Fault].
func (f UncleanElection) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	leader, follower, p, err := choosePair(ctx, env)
	if err != nil {
		return nil, err
	}
	env.Target = harness.Target{Name: brokerName(leader.ID()), Partitions: allPartitions(len(env.Log.Appended())), Nodes: []int32{leader.ID()}, Silent: true}
	heal = startSilent(env, follower, leader)
	var note func(context.Context) error
	for _, step := range []func() error{
		func() error { return follower.Kill(ctx) },
		func() error { return awaitAlone(ctx, env, p, leader.ID()) },
		func() error { return awaitRecords(ctx, env, p) },
		func() (err error) { note, err = env.Topics.WatchElections(ctx); return err },
		func() error { return leader.Kill(ctx) },
		func() error { return follower.Start(ctx) },
		func() error { return awaitLeader(ctx, env, p, follower.ID()) },
		func() error { return noteInTime(ctx, note) },
	} {
		if err := step(); err != nil {
			return heal, fmt.Errorf("unclean election in partition %d: %w", p, err)
		}
	}
	env.Effects = func() int { return recordsToLose }
	return heal, nil
}

// choosePair returns the leader of the fullest partition that has two replicas in sync, and
// its follower.
func choosePair(ctx context.Context, env *harness.Env) (leader, follower harness.Node, partition int, err error) {
	leaders, err := env.Log.Leaders(ctx)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("find the leaders: %w", err)
	}
	inSync, err := env.Brokers.InSync(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	partition = -1
	for p, n := range env.Log.Appended() {
		if len(inSync[p]) == 2 && slices.Contains(inSync[p], leaders[p]) && (partition < 0 || n > env.Log.Appended()[partition]) {
			partition = p
		}
	}
	if partition < 0 {
		return nil, nil, 0, errors.New("no partition has two replicas: the scenario needs Replicas: 2")
	}
	for _, n := range env.Cluster.Nodes() {
		switch {
		case n.ID() == leaders[partition]:
			leader = n
		case slices.Contains(inSync[partition], n.ID()):
			follower = n
		}
	}
	return leader, follower, partition, nil
}

// awaitAlone waits until only the leader is in sync.
func awaitAlone(ctx context.Context, env *harness.Env, p int, leader int32) error {
	return untilInTime(ctx, func() error {
		inSync, err := env.Brokers.InSync(ctx)
		if err == nil && !slices.Equal(inSync[p], []int32{leader}) {
			err = fmt.Errorf("%v are in sync, not %s alone", inSync[p], brokerName(leader))
		}
		return err
	})
}

// awaitRecords waits until the leader has acknowledged more records.
func awaitRecords(ctx context.Context, env *harness.Env, p int) error {
	before := env.Log.Appended()[p]
	return untilInTime(ctx, func() error {
		if n := env.Log.Appended()[p] - before; n < recordsToLose {
			return fmt.Errorf("the leader acknowledged %d records alone, of %d", n, recordsToLose)
		}
		return nil
	})
}

func awaitLeader(ctx context.Context, env *harness.Env, p int, want int32) error {
	return untilInTime(ctx, func() error {
		leaders, err := env.Log.Leaders(ctx)
		if err == nil && leaders[p] != want {
			err = fmt.Errorf("broker %d leads, not %s", leaders[p], brokerName(want))
		}
		return err
	})
}

// untilInTime is retryUntil with the time of an election.
func untilInTime(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, electionTimeout)
	defer cancel()
	return retryUntil(ctx, ask)
}

// noteInTime calls note, which waits for leaders, with the time of an election.
func noteInTime(ctx context.Context, note func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, electionTimeout)
	defer cancel()
	return note(ctx)
}

const electionTimeout = 30 * time.Second

// Verify checks that the election took place: the former leader was alone in sync, and does
// not lead.
func (UncleanElection) Verify(ctx context.Context, env *harness.Env) error {
	if env.Effects == nil {
		return errors.New("no replica out of sync was elected")
	}
	return verifySilent(ctx, env)
}

// Requires implements [harness.Requirer].
func (UncleanElection) Requires(c harness.Cluster) error { return requireReplication(c) }

var _ harness.Requirer = UncleanElection{}

var _ = registerFault(Known{
	Fault: UncleanElection{}, What: "A replica that lacks acknowledged records leads, and the former leader cuts its log.",
	By: "SIGKILL of both nodes, and unclean.leader.election.enable of the topic", Removes: ABroker, LeftOut: "it loses records",
	Scenario: func(s *harness.Scenario) {
		s.Replicas, s.TopicConfig = 2, map[string]string{"min.insync.replicas": "1", "unclean.leader.election.enable": "true"}
	},
})
