// Package virtual is the back end for many runs in little time. It is the kfake
// of the embedded back end on a network in memory, for runs in a bubble of
// testing/synctest. Time passes there only while all goroutines wait, and then
// at once. So a minute of a quiet run takes a fraction of a second.
//
// It models waiting, not work. Whatever a client, a pod or the broker computes
// takes no time, and neither does a request or its response on the way. So a run
// shows what a consumer does, and how long the waits of its design take. It does
// not show how much CPU the design needs, nor what happens when there is too
// little.
//
// # Runs that do not end
//
// A bubble must not hang a test forever. A [Guard] cuts off a run after 300,000
// writes at one instant; its error names the clients and their requests. A run
// also ends after an hour of virtual time plus twice its load and drain. If the
// clock stands still for a minute of real time, or while the process grows by 2
// GiB, the run ends with an error. The error has the traces of the goroutines
// that do not wait. Such goroutines cannot be stopped, so no further run starts
// in that process.
package virtual

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// ErrTag is the error of a binary without the build tag that this back end
// needs.
var ErrTag = errors.New("virtual time needs the build tag synctests, with which franz-go waits on channels instead of mutexes: go test -tags synctests")

// Backend starts a new cluster for each run. The zero value is ready. It keeps
// nothing between runs.
type Backend struct {
	// Guard watches one run. Without it a run that spins is cut off without a
	// report.
	Guard *Guard
}

var _ = harness.RegisterBackend(Backend{})

// Name returns the value of -broker for this back end.
func (Backend) Name() string { return "virtual" }

// Describe returns the line of the report about the broker.
func (Backend) Describe() string {
	return fmt.Sprintf("kfake, %d nodes in virtual time, which models waiting, not CPU", embedded.DefaultNodes)
}

// Modelled returns true: kfake is a model of Kafka.
func (Backend) Modelled() bool { return true }

// Virtual implements [harness.Virtual].
func (Backend) Virtual() bool { return true }

// Linger implements [harness.Lingerer]. Requests are what costs in virtual time, and a batch saves
// some.
func (Backend) Linger(float64) time.Duration { return 10 * time.Millisecond }

// Prototype implements [harness.Prototyper].
func (Backend) Prototype() harness.Cluster { return &Cluster{} }

// Preflight implements [harness.Preflighter]. Its only error is [ErrTag].
func (Backend) Preflight(context.Context) error {
	if !tagged {
		return ErrTag
	}
	return nil
}

// Start starts a [*Cluster] in the bubble of the caller. It fails without the
// build tag, and if Kafka would refuse the spec.
func (b Backend) Start(ctx context.Context, spec harness.ClusterSpec) (harness.Cluster, error) {
	if err := b.Preflight(ctx); err != nil {
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
