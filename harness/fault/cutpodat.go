package fault

import (
	"context"
	"errors"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// CutPodAt resets the connection of a pod at a moment on the wire, once. Before an event the
// request is lost. After it the response is lost, and the broker has carried out the request.
// The pod is chosen as by [KillPod]. The fault ends by itself.
type CutPodAt struct{ Moment Moment }

// Name implements [harness.Fault].
func (f CutPodAt) Name() string { return "cut pod off " + f.Moment.Name }

// Inject implements [harness.Fault].
func (f CutPodAt) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	pod, err := holdPod(ctx, env, f.Moment, harness.WireReset)
	if err != nil {
		return nil, err
	}
	pod.release()
	env.Effects = func() int { return 1 } // holdPod returned when the rule had its frame
	return nil, nil
}

// Verify checks that the frame is lost.
func (CutPodAt) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no frame was lost")
}

// Requires implements [harness.Requirer].
func (f CutPodAt) Requires(c harness.Cluster) error {
	if f.Moment.Work != 0 {
		return errors.New("no frame is on the wire at a moment of the work")
	}
	return f.Moment.checkCluster(c)
}

// RequiresOf implements [harness.ConsumerRequirer].
func (f CutPodAt) RequiresOf(i *harness.Implementation, p harness.Protocol) error {
	return f.Moment.checkConsumer(i, p)
}

var _ momentFault = CutPodAt{}

var _ = registerFault(atMoments(func(m Moment) Known {
	return Known{
		Fault: CutPodAt{m}, What: "A pod loses the frame " + m.Name + " with its connection, once.", By: "a rule on the wire",
		Lasts: between(time.Second, 1),
	}
}, BeforeCommit, AfterCommit, AfterEndTxn, AfterShareFetch, BeforeAcknowledgement)...)
