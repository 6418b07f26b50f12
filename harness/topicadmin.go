package harness

import "context"

// TopicAdmin changes the source topic of a run. What it changes becomes a fact of the
// ledger.
type TopicAdmin interface {
	// Offsets are the first offset and the end of each partition that exists now.
	Offsets(ctx context.Context) (starts, ends []int64, err error)
	// TopicID is the id of the topic.
	TopicID(ctx context.Context) ([16]byte, error)
	// DeleteRecords deletes the records below an offset of each named partition, as
	// retention does. It returns when the broker has deleted them.
	DeleteRecords(ctx context.Context, below map[int32]int64) error
	// WatchElections is called before an unclean election, and the function that it returns
	// after it. That finds where the logs of new leaders part from those before, and makes it a
	// fact of the run: what lay there is truncated.
	WatchElections(ctx context.Context) (note func(context.Context) error, err error)
	// AddPartitions adds n partitions, and returns when each has a leader and the
	// producer uses it. The scenario must know of them, see [PartitionAdder].
	AddPartitions(ctx context.Context, n int) error
	// RecreateTopic deletes the topic and creates it again, and returns when each of its
	// partitions has a leader and the producer sends to them. Meanwhile the producer waits.
	// The scenario must know of it, see [PartitionAdder].
	RecreateTopic(ctx context.Context) error
}

// GroupAdmin changes the consumer group of a run. What it changes becomes a fact of the
// ledger.
type GroupAdmin interface {
	// Commits is the group's commit of each partition of the source, -1 without one.
	Commits(ctx context.Context) ([]int64, error)
	// Members are the members of the group, if it is a classic one.
	Members(ctx context.Context) ([]Member, error)
	// DeleteGroup deletes the group with its commits, as the broker does when they
	// expire. It fails while the group has members.
	DeleteGroup(ctx context.Context) error
}

// PartitionAdder is the ability of a fault to say how many partitions it adds to the
// source, which was created with a number of them. All that a run counts by partition has room
// for them from the start. The ledger counts the partitions of a topic that is created again as
// further ones.
type PartitionAdder interface {
	AddedPartitions(created int) int
}

// AddedPartitions is how many partitions the faults of the scenario add to the source.
func (s *Scenario) AddedPartitions() (n int) {
	for _, i := range s.Injections {
		if a, ok := i.Fault.(PartitionAdder); ok {
			n += a.AddedPartitions(s.Partitions)
		}
	}
	return n
}

// FinalPartitions is how many partitions the source has after all injections.
func (s *Scenario) FinalPartitions() int { return s.Partitions + s.AddedPartitions() }
