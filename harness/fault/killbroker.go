package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// KillBroker ends a node as SIGKILL would. Its heal starts the node again.
type KillBroker struct{ Of BrokerChoice }

// Name implements [harness.Fault].
func (f KillBroker) Name() string { return f.Of.nameAfter("kill") }

// Inject implements [harness.Fault]. With an error it also returns the heal if
// the node may be down.
func (f KillBroker) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	node, err := f.Of.choose(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := node.Kill(ctx); err != nil {
		return node.Start, fmt.Errorf("kill %s: %w", env.Target.Name, err)
	}
	return node.Start, nil
}

// Verify waits until the node does not answer and leads nothing.
func (KillBroker) Verify(ctx context.Context, env *harness.Env) error {
	return errors.Join(verifySilent(ctx, env), verifyMoved(ctx, env))
}

var _ harness.Fault = KillBroker{}

var _ = registerFault(
	Known{
		Fault: KillBroker{}, What: "The node that leads the fullest partition ends, and starts again.", By: "SIGKILL",
		Removes: ABroker, Lasts: between(time.Second, 2),
	},
	Known{
		Fault: KillBroker{Of: HottestLeader}, What: "The node that leads the partition with the most new records ends, and starts again.", By: "SIGKILL",
		Removes: ABroker, Lasts: between(time.Second, 2),
	},
	Known{
		Fault: KillBroker{Of: GroupCoordinator}, What: "The node that keeps the group ends, and starts again.", By: "SIGKILL",
		Removes: ABroker, Lasts: between(time.Second, 2),
	},
	Known{
		Fault: KillBroker{Of: TransactionCoordinator}, What: "The node that keeps transactions ends, and starts again.", By: "SIGKILL",
		Removes: ABroker, LeftOut: "it needs a consumer with transactions", Consumer: "txn",
	},
	Known{
		Fault: KillBroker{Of: Controller}, What: "The active controller ends, and starts again.", By: "SIGKILL",
		Removes: ABroker, Lasts: between(time.Second, 2),
	},
)
