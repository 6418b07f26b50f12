package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// KillPodAt ends a pod by SIGKILL at a moment. At a moment on the wire the frame is held, the
// pod is killed, and its connection is reset. So the broker never gets a held request, and
// the pod never gets a held response. At a moment of the work one attempt waits while the
// pod is killed. The pod is chosen as by [KillPod]. Its heal starts the next incarnation.
type KillPodAt struct{ Moment Moment }

// Name implements [harness.Fault].
func (f KillPodAt) Name() string { return "kill pod " + f.Moment.Name }

// Inject implements [harness.Fault].
func (f KillPodAt) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := holdPod(ctx, env, f.Moment, harness.WireReset)
	if err != nil {
		return nil, err
	}
	defer pod.release()
	if err := pod.Kill(ctx); err != nil {
		return restart(pod.Pod), fmt.Errorf("kill %s: %w", pod.Name(), err)
	}
	return restart(pod.Pod), nil
}

// Verify checks that the pod has ended.
func (KillPodAt) Verify(_ context.Context, env *harness.Env) error { return checkEnded(env) }

// Requires implements [harness.Requirer].
func (f KillPodAt) Requires(c harness.Cluster) error { return f.Moment.checkCluster(c) }

// RequiresOf implements [harness.ConsumerRequirer].
func (f KillPodAt) RequiresOf(i *harness.Implementation, p harness.Protocol) error {
	return f.Moment.checkConsumer(i, p)
}

var _ momentFault = KillPodAt{}

var _ = registerFault(atMoments(func(m Moment) Known {
	return Known{
		Fault: KillPodAt{m}, What: "A pod ends " + m.Name + ", and its next incarnation starts.", By: "SIGKILL while " + m.heldBy(),
		Removes: APod, Lasts: between(time.Second, 2),
	}
}, Moments...)...)
