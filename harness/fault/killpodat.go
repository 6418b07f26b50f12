package fault

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// momentTimeout is how long a fault waits for its moment.
const momentTimeout = 15 * time.Second

// KillPodAt ends a pod by SIGKILL at a moment on the wire. The frame of the moment is held,
// the pod is killed, and its connection is reset. So the broker never gets a held request,
// and the pod never gets a held response. The pod is chosen as by [KillPod]. Its heal starts
// the next incarnation.
type KillPodAt struct{ Moment Moment }

// Name implements [harness.Fault].
func (f KillPodAt) Name() string { return "kill pod " + f.Moment.Name }

// Inject implements [harness.Fault].
func (f KillPodAt) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	pod, err := chooseOwner(ctx, env)
	if err != nil {
		return nil, err
	}
	reached, killed := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(killed) })
	defer release()
	stop, err := env.Cluster.(harness.RuleApplier).ApplyRule(harness.Rule{
		Key: f.Moment.Key, Client: pod.Name() + ".", OnResponse: f.Moment.OnResponse, Accepted: f.Moment.OnResponse, Limit: 1,
		Reached: func() { close(reached) }, Hold: killed, Then: harness.WireReset,
	})
	if err != nil {
		return nil, err
	}
	defer stop()
	timeout := time.NewTimer(momentTimeout)
	defer timeout.Stop()
	select {
	case <-reached:
	case <-timeout.C:
		return nil, fmt.Errorf("kill %s %s: no such moment came within %v", pod.Name(), f.Moment.Name, momentTimeout)
	case <-ctx.Done():
		return nil, fmt.Errorf("kill %s %s: no such moment came: %w", pod.Name(), f.Moment.Name, context.Cause(ctx))
	}
	if err := pod.Kill(ctx); err != nil {
		return restart(pod), fmt.Errorf("kill %s: %w", pod.Name(), err)
	}
	release()
	return restart(pod), nil
}

// Verify checks that the pod has ended.
func (KillPodAt) Verify(_ context.Context, env *harness.Env) error { return checkEnded(env) }

// Requires implements [harness.Requirer].
func (KillPodAt) Requires(c harness.Cluster) error {
	if _, ok := c.(harness.RuleApplier); !ok {
		return errors.New("this back end cannot hold what clients and brokers send")
	}
	return nil
}

var _ interface {
	harness.Fault
	harness.Requirer
} = KillPodAt{}

var _ = registerFault(
	killAt(BeforeCommit, ""), killAt(AfterCommit, ""), killAt(BeforeSync, ""), killAt(AfterHeartbeat, "keyed@848"),
	killAt(BeforeEndTxn, "txn@eager"), killAt(AfterEndTxn, "txn@eager"), killAt(BeforeShareFetch, "share"), killAt(AfterShareFetch, "share"),
)

// killAt is the entry of a kill at a moment, of a consumer that has the moment.
func killAt(m Moment, consumer string) Known {
	k := Known{
		Fault: KillPodAt{m}, What: "A pod ends " + m.Name + ", and its next incarnation starts.", By: "a rule on the wire, and SIGKILL",
		Removes: APod, Lasts: between(time.Second, 2), Consumer: consumer,
	}
	if m == BeforeSync {
		k.Lasts, k.LeftOut = nil, "it waits for a rebalance"
		k.Scenario = func(s *harness.Scenario) {
			s.Spare = 1
			s.Injections = append(s.Injections, harness.Injection{Fault: JoinPod{}, At: InjectedAt - time.Millisecond, HealAfter: 15 * time.Second})
		}
	}
	return k
}
