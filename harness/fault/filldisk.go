package fault

import (
	"context"
	"errors"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// FillDisk lets a node find its disk full: each write to a file fails. Kafka ends a broker
// whose only log folder fails. Its heal starts the node with space for its files.
type FillDisk struct{ Of BrokerChoice }

// Name implements [harness.Fault].
func (f FillDisk) Name() string { return f.Of.nameAfter("fill the disk of") }

// Inject implements [harness.Fault]. With an error it also returns the heal if the node may
// have ended.
func (f FillDisk) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	node, err := f.Of.choose(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := env.Cluster.(harness.DiskFiller).FillDisk(ctx, node.ID()); err != nil {
		return startSilent(env, node), err
	}
	return node.Start, nil
}

// Verify waits until the node does not answer and leads nothing.
func (FillDisk) Verify(ctx context.Context, env *harness.Env) error {
	return errors.Join(verifySilent(ctx, env), verifyMoved(ctx, env))
}

// Requires implements [harness.Requirer].
func (FillDisk) Requires(c harness.Cluster) error {
	d, ok := c.(harness.DiskFiller)
	if !ok {
		return errors.New("the brokers of this back end have no disks of their own")
	}
	return d.CanFillDisk()
}

var _ harness.Requirer = FillDisk{}

var _ = registerFault(Known{
	Fault: FillDisk{}, What: "The node that leads the fullest partition cannot write and ends, and starts again with space.", By: "a limit of 1 byte for the size of its files",
	Removes: ABroker, Lasts: between(time.Second, 2),
})
