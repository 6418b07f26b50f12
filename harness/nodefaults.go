package harness

import "context"

// NodeStopper is the ability of a cluster to stop a node cleanly, as by SIGTERM.
type NodeStopper interface {
	// StopNode has the node hand over what it leads and then end. It returns once the node
	// is down. [Node.Start] starts the node again.
	StopNode(ctx context.Context, id int32) error
}

// NodePauser is the ability of a cluster to pause a node, as by SIGSTOP. Its connections
// stay open, and nothing comes back on them.
type NodePauser interface {
	// PauseNode returns once the node is paused. It fails for a node that does not run.
	PauseNode(ctx context.Context, id int32) error
	// ResumeNode does nothing to a node that is not paused.
	ResumeNode(ctx context.Context, id int32) error
}

// Side is one of the two sides that a node talks to.
type Side uint8

const (
	Peers   Side = iota // Peers are the other nodes, as brokers and as controllers.
	Clients             // Clients are pods, producers and observers.
)

func (s Side) String() string {
	if s == Clients {
		return "clients"
	}
	return "peers"
}

// NodeIsolator is the ability of a cluster to cut a node off from one side while the other
// side reaches it. Packets are lost and no connection is refused.
type NodeIsolator interface {
	// CanIsolate returns why the cluster cannot do it, or nil.
	CanIsolate(from Side) error
	// IsolateNode returns once no packet passes any more.
	IsolateNode(ctx context.Context, id int32, from Side) error
	// ReconnectNode ends each isolation of the node.
	ReconnectNode(ctx context.Context, id int32) error
}

// NodeSlower is the ability of a cluster to make a node answer slowly.
type NodeSlower interface {
	// SlowNode makes all that the node does slow, for all clients.
	SlowNode(ctx context.Context, id int32) error
	// SpeedUpNode ends that.
	SpeedUpNode(ctx context.Context, id int32) error
	// CountWaits is how often the node has had to wait since SlowNode.
	CountWaits(ctx context.Context, id int32) (int64, error)
}

// DiskFiller is the ability of a cluster to let a node find its disk full.
type DiskFiller interface {
	// CanFillDisk returns why the cluster cannot do it, or nil.
	CanFillDisk() error
	// FillDisk returns once the node has ended because of that. [Node.Start] starts it again
	// with space on its disk.
	FillDisk(ctx context.Context, id int32) error
}

// LeaderMover is the ability of a cluster to move leaders while all brokers run.
type LeaderMover interface {
	// MoveLeaders gives each partition of the topic the leader at its place in the list. It
	// returns once each leads.
	MoveLeaders(ctx context.Context, topic string, leaders []int32) error
}

// Replicator is the ability of a cluster to replicate: followers copy what leaders append,
// and a topic has in-sync replicas. A model of Kafka may keep one copy for all brokers.
type Replicator interface {
	Replicates()
}

// BrokerFinder finds the brokers that have a part in a run.
type BrokerFinder interface {
	// GroupCoordinator is the coordinator of the group of the run.
	GroupCoordinator(ctx context.Context) (int32, error)
	// TransactionCoordinator is the coordinator of most transactional ids. It fails if no
	// client has one.
	TransactionCoordinator(ctx context.Context) (int32, error)
	// Controller is the active controller.
	Controller(ctx context.Context) (int32, error)
	// AskBroker returns nil once the broker has answered a request.
	AskBroker(ctx context.Context, id int32) error
	// InSync are the in-sync replicas of each partition of the source topic.
	InSync(ctx context.Context) ([][]int32, error)
}
