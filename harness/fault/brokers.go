package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// BrokerChoice says which broker a fault is about.
type BrokerChoice string

// The choices. The words are part of the names of faults.
const (
	FullestLeader          BrokerChoice = ""                        // FullestLeader leads the partition with the most records.
	HottestLeader          BrokerChoice = "hottest leader"          // HottestLeader leads the partition that gets the most records now.
	GroupCoordinator       BrokerChoice = "group coordinator"       // GroupCoordinator keeps the group of the run.
	TransactionCoordinator BrokerChoice = "transaction coordinator" // TransactionCoordinator keeps most transactional ids.
	Controller             BrokerChoice = "controller"              // Controller elects the leaders.
)

// nameAfter is the name of a fault with this choice.
func (c BrokerChoice) nameAfter(verb string) string {
	if c == FullestLeader {
		return verb + " broker"
	}
	return verb + " " + string(c)
}

// hotTime is how long the growth of partitions is measured.
const hotTime = 500 * time.Millisecond

// choose finds the broker and sets the Target of env. A coordinator affects all partitions,
// any other broker those that it leads.
func (c BrokerChoice) choose(ctx context.Context, env *harness.Env) (harness.Node, error) {
	leaders, err := env.Log.Leaders(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the leaders: %w", err)
	}
	id, err := c.find(ctx, env, leaders)
	if err != nil {
		return nil, err
	}
	target := harness.Target{Name: brokerName(id), Partitions: partitionsLedBy(id, leaders), Nodes: []int32{id}}
	if c == GroupCoordinator || c == TransactionCoordinator {
		target.Partitions = allPartitions(len(leaders))
	}
	for _, node := range env.Cluster.Nodes() {
		if node.ID() == id {
			env.Target = target
			return node, nil
		}
	}
	return nil, fmt.Errorf("the chosen broker, %s, is not a node of the cluster", brokerName(id))
}

func (c BrokerChoice) find(ctx context.Context, env *harness.Env, leaders []int32) (int32, error) {
	switch c {
	case GroupCoordinator:
		return findRunning(ctx, env, env.Brokers.GroupCoordinator)
	case TransactionCoordinator:
		return findRunning(ctx, env, env.Brokers.TransactionCoordinator)
	case Controller:
		return findRunning(ctx, env, env.Brokers.Controller)
	}
	records := env.Log.Appended()
	if c == HottestLeader {
		before := records
		if !sleep(ctx, hotTime) {
			return -1, context.Cause(ctx)
		}
		records = growth(before, env.Log.Appended())
	}
	id, ok := leaderOfBusiest(records, leaders)
	if !ok {
		return -1, errors.New("no partition has a leader")
	}
	return id, nil
}

// findRunning waits until the broker that has a part also answers. Others name a dead broker
// until its session is over.
func findRunning(ctx context.Context, env *harness.Env, find func(context.Context) (int32, error)) (id int32, err error) {
	ctx, cancel := context.WithTimeout(ctx, ownerTimeout)
	defer cancel()
	err = retryUntil(ctx, func() (err error) {
		if id, err = find(ctx); err == nil {
			err = env.Brokers.AskBroker(ctx, id)
		}
		return err
	})
	return id, err
}

func growth(before, now []int64) []int64 {
	grown := make([]int64, len(now))
	for p := range now {
		grown[p] = now[p] - before[p]
	}
	return grown
}

// leaderOfBusiest returns the leader of the partition with the most records. Of
// equal partitions the lowest counts. Partitions without a leader are ignored.
func leaderOfBusiest(records []int64, leaders []int32) (id int32, ok bool) {
	most := int64(-1)
	for p, leader := range leaders {
		if leader >= 0 && p < len(records) && records[p] > most {
			most, id, ok = records[p], leader, true
		}
	}
	return id, ok
}

func partitionsLedBy(id int32, leaders []int32) (partitions []int32) {
	for p, leader := range leaders {
		if leader == id {
			partitions = append(partitions, int32(p))
		}
	}
	return partitions
}

func brokerName(id int32) string { return fmt.Sprintf("broker %d", id) }

// verifySilent waits until no affected broker answers.
func verifySilent(ctx context.Context, env *harness.Env) error {
	return retryUntil(ctx, func() error {
		for _, id := range env.Target.Nodes {
			if err := env.Brokers.AskBroker(ctx, id); err == nil {
				return fmt.Errorf("%s still answers", brokerName(id))
			}
		}
		return nil
	})
}

// verifyMoved waits until no affected broker leads a partition that another one can lead.
func verifyMoved(ctx context.Context, env *harness.Env) error {
	return retryUntil(ctx, func() error {
		leaders, err := env.Log.Leaders(ctx)
		if err != nil {
			return err
		}
		inSync, err := env.Brokers.InSync(ctx)
		if err != nil {
			return err
		}
		return checkAllMoved(env.Target.Nodes[0], leaders, inSync)
	})
}

// checkAllMoved returns an error for a partition that the broker leads, and for one without
// a leader. A partition whose only replica is the broker's may be either.
func checkAllMoved(id int32, leaders []int32, inSync [][]int32) error {
	for p, leader := range leaders {
		alone := p < len(inSync) && len(inSync[p]) == 1 && inSync[p][0] == id
		switch {
		case alone:
		case leader < 0:
			return fmt.Errorf("partition %d has no leader", p)
		case leader == id:
			return fmt.Errorf("%s still leads partition %d", brokerName(id), p)
		}
	}
	return nil
}

// startSilent starts the nodes that do not answer. It is the heal of faults that may have
// failed before or after the end of a node.
func startSilent(env *harness.Env, nodes ...harness.Node) func(context.Context) error {
	brokers := env.Brokers
	return func(ctx context.Context) error {
		var errs []error
		for _, n := range nodes {
			if brokers.AskBroker(ctx, n.ID()) != nil {
				errs = append(errs, n.Start(ctx))
			}
		}
		return errors.Join(errs...)
	}
}
