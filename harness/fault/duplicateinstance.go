package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// DuplicateInstance starts a spare pod as a second static member with the group.instance.id of
// a pod that lives. The group gives the place to the newcomer without a rebalance, and fences
// the pod that had it. That pod may end. The heal ends the newcomer, and starts the pod again if
// it does not run.
type DuplicateInstance struct{}

// Name implements [harness.Fault].
func (DuplicateInstance) Name() string { return "duplicate instance id" }

// Requires implements [harness.Requirer].
func (DuplicateInstance) Requires(c harness.Cluster) error { return requireRules(c) }

// RequiresOf implements [harness.ConsumerRequirer].
func (DuplicateInstance) RequiresOf(i *harness.Implementation, p harness.Protocol) error {
	if i.Share || p != harness.Static {
		return errors.New("the consumer is no static member: name it with @static")
	}
	return nil
}

// Inject implements [harness.Fault].
func (DuplicateInstance) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	spare := env.Pods[len(env.Pods)-env.Spare:]
	n := slices.IndexFunc(spare, func(p harness.Pod) bool { return !isRunning(p) })
	if n < 0 {
		return nil, fmt.Errorf("all of %d spare pods run", env.Spare)
	}
	newcomer := spare[n]
	pod, err := chooseOwner(ctx, env)
	if err != nil {
		return nil, err
	}
	before, err := memberOf(ctx, env, pod.Name())
	if err != nil {
		return nil, err
	}
	var fenced []harness.Rule
	for _, key := range []int16{joinGroup, syncGroup, Heartbeat, OffsetCommit, TxnOffsetCommit} {
		fenced = append(fenced, harness.Rule{Key: key, OnResponse: true, Answer: fencedInstanceID})
	}
	stop, err := applyRulesTo(ctx, env, []harness.Pod{pod}, nil, fenced)
	if err != nil {
		return nil, err
	}
	env.Check = func(ctx context.Context) error { return checkReplaced(ctx, env, pod.Name(), before) }
	heal = func(ctx context.Context) error {
		err := stopPods(ctx, []harness.Pod{newcomer})
		return errors.Join(stop(ctx), err, restart(pod)(ctx))
	}
	if err := pod.(harness.EndAllower).AllowEnd(); err != nil {
		return heal, err
	}
	return heal, newcomer.(harness.InstanceTaker).StartAs(ctx, pod.Name())
}

// Verify checks that the group has another member under the instance id, and that the broker
// told the first one.
func (DuplicateInstance) Verify(ctx context.Context, env *harness.Env) error {
	return retryUntil(ctx, func() error {
		if err := env.Check(ctx); err != nil {
			return err
		}
		if env.Effects() == 0 {
			return fmt.Errorf("the broker has not answered %s that another member has its instance id", env.Target.Pod)
		}
		return nil
	})
}

// memberOf is the id of the only member with an instance id.
func memberOf(ctx context.Context, env *harness.Env, instanceID string) (id string, err error) {
	members, err := env.Groups.Members(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range members {
		switch {
		case m.InstanceID != instanceID:
		case id != "":
			return "", fmt.Errorf("the group has two members under %s: %s and %s", instanceID, id, m.ID)
		default:
			id = m.ID
		}
	}
	if id == "" {
		return "", fmt.Errorf("the group has no member under %s", instanceID)
	}
	return id, nil
}

// checkReplaced checks that an instance id has another member than before.
func checkReplaced(ctx context.Context, env *harness.Env, instanceID, before string) error {
	now, err := memberOf(ctx, env, instanceID)
	if err == nil && now == before {
		err = fmt.Errorf("the group still has %s under %s", before, instanceID)
	}
	return err
}

var (
	_ harness.Fault            = DuplicateInstance{}
	_ harness.Requirer         = DuplicateInstance{}
	_ harness.ConsumerRequirer = DuplicateInstance{}
)

var _ = registerFault(Known{
	Fault: DuplicateInstance{}, What: "A second pod joins under the static id of one that lives, which is fenced.", By: "one more process with its group.instance.id",
	Removes: ASpare, LeftOut: "the consumer has to be a static member",
	Scenario: func(s *harness.Scenario) { s.Spare, s.Session = 1, 4*time.Second }, Consumer: "keyed@static",
})
