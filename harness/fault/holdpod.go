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

// heldPod is a pod that has come to a moment. Its frame or its attempt waits.
type heldPod struct {
	harness.Pod
	release func() // release lets the frame or the attempt go on.
}

// holdPod chooses a pod as [KillPod] does, and waits until it comes to a moment. A frame goes on to
// then.
func holdPod(ctx context.Context, env *harness.Env, m Moment, then harness.WireAction) (held heldPod, err error) {
	if err := m.checkCluster(env.Cluster); err != nil {
		return held, err
	}
	if held.Pod, err = chooseOwner(ctx, env); err != nil {
		return held, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, momentTimeout, fmt.Errorf("within %v", momentTimeout))
	defer cancel()
	if m.Work != 0 {
		held.release, err = holdWork(ctx, held.Pod, m.Work)
	} else {
		held.release, err = holdFrame(ctx, env.Cluster.(harness.RuleApplier), held.Name(), m, then)
	}
	if err != nil {
		return held, fmt.Errorf("hold %s %s: no such moment came: %w", held.Name(), m.Name, err)
	}
	return held, nil
}

func holdWork(ctx context.Context, pod harness.Pod, at harness.WorkPoint) (release func(), err error) {
	h, ok := pod.(harness.WorkHolder)
	if !ok {
		return nil, errors.New("its work cannot be held")
	}
	return h.HoldWork(ctx, at)
}

// holdFrame waits until a frame of the pod waits. A client id is the pod's name, a dot, and
// the incarnation.
func holdFrame(ctx context.Context, c harness.RuleApplier, pod string, m Moment, then harness.WireAction) (release func(), err error) {
	reached, released := make(chan struct{}), make(chan struct{})
	stop, err := c.ApplyRule(harness.Rule{
		Key: m.Key, Client: pod + ".", OnResponse: m.OnResponse, Accepted: m.OnResponse, Limit: 1,
		Reached: func() { close(reached) }, Hold: released, Then: then,
	})
	if err != nil {
		return nil, err
	}
	release = sync.OnceFunc(func() { close(released); stop() })
	select {
	case <-reached:
		return release, nil
	case <-ctx.Done():
		release()
		return nil, context.Cause(ctx)
	}
}

// checkCluster returns why clusters like this one cannot hold a pod at the moment, or nil.
func (m Moment) checkCluster(c harness.Cluster) error {
	if m.Work != 0 {
		return nil
	}
	return requireRules(c)
}

// checkConsumer returns why a consumer never comes to the moment, or nil.
func (m Moment) checkConsumer(i *harness.Implementation, p harness.Protocol) error {
	if m.Work != 0 {
		return nil
	}
	return checkKeyUser(m.Key, i, p)
}

// heldBy says what waits at the moment.
func (m Moment) heldBy() string {
	if m.Work != 0 {
		return "an attempt waits"
	}
	return "a rule holds the frame"
}

// atMoments are the entries of a fault at several moments, each with a consumer that has the
// moment.
func atMoments(entry func(Moment) Known, moments ...Moment) (entries []Known) {
	for _, m := range moments {
		k := entry(m)
		switch m.Key {
		case 0: // a moment of the work
			k.Scenario = alone
		case consumerGroupHeartbeat:
			k.Consumer = "keyed@848"
		case TxnOffsetCommit, endTxn:
			k.Consumer = "txn@eager"
		case shareFetch:
			k.Consumer = "share"
		case shareAcknowledge:
			k.Consumer, k.Scenario = "share", slowRecords
		case syncGroup:
			k.Lasts, k.LeftOut, k.Scenario = nil, "it waits for a rebalance", rebalanceBefore
		}
		entries = append(entries, k)
	}
	return entries
}

// rebalanceBefore lets a pod join right before the fault.
func rebalanceBefore(s *harness.Scenario) {
	s.Spare = 1
	s.Injections = append(s.Injections, harness.Injection{Fault: JoinPod{}, At: InjectedAt - time.Millisecond, HealAfter: 15 * time.Second})
}

// slowRecords lets a share group renew the locks of slow records: it sends acknowledgements without
// a fetch then.
func slowRecords(s *harness.Scenario) {
	s.Slowdown = harness.Slowdown{To: InjectedAt + 2*time.Second, Factor: 3000, Fraction: 0.06}
}

// momentFault is a fault at a moment. It says what the moment requires.
type momentFault interface {
	harness.Fault
	harness.Requirer
	harness.ConsumerRequirer
}
