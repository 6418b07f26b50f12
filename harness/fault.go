package harness

import (
	"context"
	"math/rand/v2"
)

// Fault is one thing that goes wrong.
type Fault interface {
	// Name is what the report calls it, as "kill broker".
	Name() string
	// Inject makes it happen and returns once it has. heal undoes it and may be
	// nil where nothing is to undo.
	Inject(ctx context.Context, env *Env) (heal func(context.Context) error, err error)
}

// Verifier is the ability of a fault to say whether it took: asked after the
// injection, an error makes the run inconclusive.
type Verifier interface {
	Verify(ctx context.Context, env *Env) error
}

// Requirer is the ability of a fault to say that a cluster lacks what it takes.
// A run there is skipped, for the reason that the error is.
type Requirer interface {
	Requires(Cluster) error
}

// Env is what a fault may act on and look at. Not safe for concurrent use.
type Env struct {
	Cluster Cluster
	Pods    []Pod // Pods are all, the spare ones last.
	Spare   int   // Spare is how many of Pods are spare ones.
	Log     LogView
	Group   GroupView
	Share   bool       // Share: it is a share group, in which nobody owns partitions and each pod takes of all.
	Rand    *rand.Rand // Rand is seeded by seed and repeat alone: the same choices for every consumer.

	// Target is set by Inject: what the fault struck and which partitions of the
	// source topic that affects.
	Target Target
}

// Target is what a fault struck.
type Target struct {
	Name       string  // Name is a word for it, as "broker 2" or "pod-1".
	Partitions []int32 // Partitions affected: led by the broker, owned by the pod.
	Pod        string  // Pod is the pod struck, if one was.
	None       bool    // None is struck, no pod and no broker, as where a pod joins.
}

// LogView is the source topic as the harness sees it.
type LogView interface {
	// Appended is the number of records acknowledged so far, by partition.
	Appended() []int64
	// Leaders is the node id of the leader, by partition.
	Leaders(ctx context.Context) ([]int32, error)
}

// GroupView is the consumer group as the harness sees it.
type GroupView interface {
	// Owners is the name of the pod that owns each partition, "" for none.
	Owners() []string
}

// Pauser is the ability of a pod to stop and go on, as SIGSTOP and SIGCONT do.
type Pauser interface {
	// Pause returns once the pod stands still; it is an error if it does not run.
	Pause(context.Context) error
	// Resume does nothing to a pod that does not stand still, or has ended since.
	Resume(context.Context) error
}

// Leaver is the ability of a pod to be asked to end (SIGTERM), so that it leaves
// the group in good order. Stop returns once it has ended, or was killed because
// it would not; it is an error if it does not run.
type Leaver interface {
	Stop(context.Context) error
}

// Prober is the ability of a pod to say how it is.
type Prober interface {
	Running() bool // Running: it was started and has not ended.
	Paused() bool  // Paused: it runs and stands still.
}

// ResponseDropper is the ability of a cluster to lose its answers: until stop is
// called it carries out requests of one kind from the clients named, and cuts the
// connection in place of the answer.
type ResponseDropper interface {
	// DropResponses loses answers to requests of the Kafka API key from clients
	// whose client id has the prefix, at most limit of them (0: all); stop returns
	// how many were lost.
	DropResponses(key int16, clientPrefix string, limit int) (stop func() int, err error)
}

// Pod is one process of a consumer. Those of [Scenario.Spare] have not been
// started yet.
type Pod interface {
	Name() string
	// Kill ends it by SIGKILL and returns once it is reaped.
	Kill(context.Context) error
	// Start starts its next incarnation.
	Start(context.Context) error
}
