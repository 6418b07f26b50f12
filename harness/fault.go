package harness

import (
	"context"
	"math/rand/v2"
	"net"
)

// Fault is one thing that goes wrong.
type Fault interface {
	// Name is what the report calls it, as "kill broker".
	Name() string
	// Inject makes it happen and returns once it has happened. heal undoes it, and is
	// nil for a fault that ends by itself. Such a fault lasts until the time at which
	// the injection says that it is healed. Both return soon once ctx has ended.
	Inject(ctx context.Context, env *Env) (heal func(context.Context) error, err error)
	// Verify checks from outside that the fault took effect, with the env of its injection.
	// It may wait for the effect until ctx ends, and no longer than until the heal is due.
	// An error makes the run inconclusive.
	Verify(ctx context.Context, env *Env) error
}

// Requirer is the ability of a fault to say that a cluster lacks what the fault
// needs. A run on that cluster is skipped; the error is the reason.
type Requirer interface {
	Requires(Cluster) error
}

// ConsumerRequirer is the ability of a fault to say that a consumer never does what the
// fault waits for, such as a commit. A run of that consumer is skipped; the error is the
// reason.
type ConsumerRequirer interface {
	RequiresOf(*Implementation, Protocol) error
}

// Env is what a fault may act on and read. It is not safe for concurrent use.
type Env struct {
	Cluster Cluster
	Pods    []Pod // Pods are all pods, the spare ones last.
	Spare   int   // Spare is the number of spare pods in Pods.
	Log     LogView
	Group   GroupView
	Brokers BrokerFinder
	Topics  TopicAdmin
	Groups  GroupAdmin
	// Producer sends the load.
	Producer ProducerControl

	Topic     string // Topic is the name of the source topic, GroupName that of the group.
	GroupName string
	// Dial connects to an address of the cluster; nil is the ordinary dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	Share bool       // Share: the group is a share group, whose members fetch from all partitions.
	Rand  *rand.Rand // Rand depends on seed and repeat alone: each consumer meets the same choices.

	// Target is set by Inject: what the fault affects, and which partitions of the
	// source topic.
	Target Target
	// Effects is set by Inject of a fault on the wire: how many frames it has changed.
	Effects func() int
	// Check is set by Inject of a fault that knows only then what its Verify has to check.
	Check func(ctx context.Context) error
}

// Target is what a fault affects.
type Target struct {
	Name       string  // Name is a word for it, as "broker 2" or "pod-1".
	Partitions []int32 // Partitions affected: led by the broker, owned by the pod.
	Pod        string  // Pod is the affected pod, "" if the fault affects no pod in particular.
	Nodes      []int32 // Nodes are the affected brokers.
	Silent     bool    // Silent: any pod may wait for an answer until the heal, and lose its session.
	None       bool    // None: no pod and no broker is affected, as when a pod joins.
}

// LogView is the source topic as the harness sees it.
type LogView interface {
	// Appended is the number of records acknowledged so far, by partition.
	Appended() []int64
	// Leaders is the node id of the leader, by partition.
	Leaders(ctx context.Context) ([]int32, error)
}

// GroupView is the consumer group as the harness observes it.
type GroupView interface {
	// Owners is the name of the pod that owns each partition, "" where no pod does.
	Owners() []string
}

// Pauser is the ability of a pod to pause and resume, as by SIGSTOP and SIGCONT.
type Pauser interface {
	// Pause returns once the pod is paused; it fails if the pod is not running.
	Pause(context.Context) error
	// Resume does nothing to a pod that is not paused, or that has ended.
	Resume(context.Context) error
}

// Leaver is the ability of a pod to stop on request (SIGTERM), so that it leaves the
// group. Stop returns once the pod has ended, or was killed because it did not end
// in time. It fails if the pod is not running.
type Leaver interface {
	Stop(context.Context) error
}

// Prober is the ability of a pod to report its state.
type Prober interface {
	Running() bool // Running: it was started and has not ended.
	Paused() bool  // Paused: it is running and paused.
}

// InstanceTaker is the ability of a pod to be a static member under the id of another pod.
type InstanceTaker interface {
	// StartAs is [Pod.Start] with [Config.InstanceID]. The group fences the member that has it.
	StartAs(ctx context.Context, instanceID string) error
}

// EndAllower is the ability of a pod to end by itself without being blamed for it.
type EndAllower interface {
	// AllowEnd makes the end of the running incarnation an intended one, however the consumer
	// returns. It fails if the pod is not running.
	AllowEnd() error
}

// Pod is one process of a consumer. A spare pod has not been started yet.
type Pod interface {
	Name() string
	// Kill ends it by SIGKILL and returns once it is reaped.
	Kill(context.Context) error
	// Start starts its next incarnation.
	Start(context.Context) error
}
