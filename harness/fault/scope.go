package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/stampede-bench/stampede/harness"
)

// Scope is the choice of pods and brokers between which a fault on the wire changes frames.
type Scope uint8

const (
	AllPods   Scope = iota // AllPods are all pods and all brokers.
	OnePod                 // OnePod is one pod, chosen as by [KillPod], and all brokers.
	OneBroker              // OneBroker is the leader of the fullest partition, and all pods.
)

// String ends the name of a fault.
func (s Scope) String() string {
	switch s {
	case OnePod:
		return " of one pod"
	case OneBroker:
		return " of one broker"
	}
	return ""
}

// requireRules returns why a cluster cannot change what is on the wire, or nil.
func requireRules(c harness.Cluster) error {
	return requireAbility[harness.RuleApplier](c, "change what clients and brokers send")
}

// applyRules applies rules to each pod that they are about, until the heal. It sets the target,
// whose name begins with frames, and counts the effects.
func (s Scope) applyRules(ctx context.Context, env *harness.Env, frames string, rules ...harness.Rule) (heal func(context.Context) error, err error) {
	if err := requireRules(env.Cluster); err != nil {
		return nil, err
	}
	pods, nodes, err := s.choose(ctx, env, frames)
	if err != nil {
		return nil, err
	}
	env.Target.Silent = s != OnePod && slices.ContainsFunc(rules, holdsHeartbeats)
	return applyRulesTo(ctx, env, pods, nodes, rules)
}

// applyRulesTo applies rules to pods and brokers until the heal, and counts the effects.
func applyRulesTo(ctx context.Context, env *harness.Env, pods []harness.Pod, nodes []int32, rules []harness.Rule) (heal func(context.Context) error, err error) {
	var stops []func() int
	stop := func(context.Context) error {
		for _, stop := range stops {
			stop()
		}
		return nil
	}
	var changed atomic.Int64
	env.Effects = func() int { return int(changed.Load()) }
	for _, pod := range pods {
		for _, r := range rules {
			r.Client = pod.Name() + "." // a client id is the pod's name, a dot, and the incarnation
			r.Nodes, r.Reached = nodes, func() { changed.Add(1) }
			stopOne, err := env.Cluster.(harness.RuleApplier).ApplyRule(r)
			if err != nil {
				return nil, errors.Join(err, stop(ctx))
			}
			stops = append(stops, stopOne)
		}
	}
	return stop, nil
}

// choose returns the pods, and the brokers unless it is all of them, and sets the target.
func (s Scope) choose(ctx context.Context, env *harness.Env, frames string) (pods []harness.Pod, nodes []int32, err error) {
	switch s {
	case OnePod:
		pod, err := chooseOwner(ctx, env)
		return []harness.Pod{pod}, nil, err
	case OneBroker:
		leaders, err := env.Log.Leaders(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("find the leaders: %w", err)
		}
		id, ok := leaderOfBusiest(env.Log.Appended(), leaders)
		if !ok {
			return nil, nil, errors.New("no partition has a leader")
		}
		nodes = []int32{id}
		env.Target = harness.Target{Name: brokerName(id), Partitions: partitionsLedBy(id, leaders), Nodes: nodes}
	default:
		env.Target = harness.Target{Name: frames + " the pods", Partitions: allPartitions(len(env.Group.Owners()))}
	}
	return env.Pods, nodes, nil
}

// holdsHeartbeats reports whether a rule can keep a heartbeat or its response back.
func holdsHeartbeats(r harness.Rule) bool {
	return r.Key == harness.AnyKey || r.Key == Heartbeat || r.Key == consumerGroupHeartbeat
}
