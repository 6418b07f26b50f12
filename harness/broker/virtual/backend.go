// Package virtual is the back end for many runs in little time: the kfake of
// the embedded back end on a network in memory, for runs in a bubble of
// testing/synctest. Time passes there only while everybody waits, and then at
// once, so a minute of a calm run takes a fraction of a second.
//
// It models waiting, not work: whatever a client, a pod or the broker computes
// takes no time at all, and a request and its answer take none on the way. So a
// run says what a consumer does, and how long for the waits of which its design
// consists; how much CPU it needs, and what becomes of it when there is too
// little, it does not say.
package virtual

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// ErrTag says that the binary was built without the tag that this back end
// needs.
var ErrTag = errors.New("virtual time needs the build tag synctests, which has franz-go wait on channels in place of mutexes: go test -tags synctests")

// Backend starts a fresh cluster for each run. The zero value is ready; it
// keeps nothing between runs.
type Backend struct {
	// Guard is of one run. Without it nobody is told that the run spins.
	Guard *Guard
}

var _ = harness.RegisterBackend(Backend{})

// Name is what -broker calls it.
func (Backend) Name() string { return "virtual" }

// Describe says what serves as Kafka.
func (Backend) Describe() string {
	return fmt.Sprintf("kfake, %d nodes in virtual time, which models waiting, not CPU", embedded.DefaultNodes)
}

// Modelled is true: kfake is no Kafka.
func (Backend) Modelled() bool { return true }

// Virtual implements [harness.Virtual].
func (Backend) Virtual() bool { return true }

// Prepare implements [harness.Preparer]. Its only error is [ErrTag].
func (Backend) Prepare(context.Context) error {
	if !tagged {
		return ErrTag
	}
	return nil
}

// Start brings up a cluster, a [*Cluster], in the bubble of the caller. It errs
// without the build tag and on a spec that no Kafka would take.
func (b Backend) Start(ctx context.Context, spec harness.ClusterSpec) (harness.Cluster, error) {
	if err := b.Prepare(ctx); err != nil {
		return nil, err
	}
	network := newNetwork()
	if b.Guard != nil {
		network.guard = b.Guard
	}
	c, err := embedded.Start(ctx, spec, embedded.Options{Network: network, Clock: ledger.NewVirtualClock(), InMemory: true})
	if err != nil {
		return nil, fmt.Errorf("start virtual broker: %w", err)
	}
	return &Cluster{Cluster: c, network: network}, nil
}

// Cluster is the cluster of the embedded back end on a network in memory.
type Cluster struct {
	*embedded.Cluster
	network *network
}
