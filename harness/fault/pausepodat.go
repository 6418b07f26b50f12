package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// PausePodAt pauses a pod at a moment. A frame on the wire goes on when the pod does: so a
// zombie's request reaches the broker late. The pod is chosen as by [KillPod]. Its heal
// resumes the pod.
type PausePodAt struct{ Moment Moment }

// Name implements [harness.Fault].
func (f PausePodAt) Name() string { return "pause pod " + f.Moment.Name }

// Inject implements [harness.Fault]. With an error it also returns the heal if the pod may
// be paused.
func (f PausePodAt) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := holdPod(ctx, env, f.Moment, harness.WirePass)
	if err != nil {
		return nil, err
	}
	p, ok := pod.Pod.(harness.Pauser)
	if !ok {
		pod.release()
		return nil, fmt.Errorf("%s cannot be paused", pod.Name())
	}
	heal = func(ctx context.Context) error {
		pod.release()
		return p.Resume(ctx)
	}
	return heal, p.Pause(ctx)
}

// Verify checks that the pod is paused.
func (PausePodAt) Verify(ctx context.Context, env *harness.Env) error {
	return PausePod{}.Verify(ctx, env)
}

// Requires implements [harness.Requirer].
func (f PausePodAt) Requires(c harness.Cluster) error { return f.Moment.checkCluster(c) }

// RequiresOf implements [harness.ConsumerRequirer].
func (f PausePodAt) RequiresOf(i *harness.Implementation, p harness.Protocol) error {
	return f.Moment.checkConsumer(i, p)
}

var _ momentFault = PausePodAt{}

var _ = registerFault(atMoments(func(m Moment) Known {
	return Known{
		Fault: PausePodAt{m}, What: "A pod stands still " + m.Name + ", and goes on.", By: "SIGSTOP and SIGCONT while " + m.heldBy(),
		Removes: APod, Lasts: between(500*time.Millisecond, 2),
	}
}, AfterWork, BeforeCommit, BeforeEndTxn, AfterShareFetch)...)
