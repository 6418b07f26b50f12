package harness

// Role is what a side topic is for. It decides what a copy of a record means
// that lies there.
type Role string

// The roles of side topics. A copy in a topic of the first five takes the record
// into custody: from then on the consumer's duty at the place it was copied from
// is done, and the copy is owed instead; in dead-letter nothing is owed any more.
const (
	RoleRetry      Role = "retry"
	RoleOverflow   Role = "overflow"
	RoleWide       Role = "wide"
	RoleDelay      Role = "delay"
	RoleDeadLetter Role = "dead-letter"
	RoleOutput     Role = "output" // what a consumer with [EffectOutput] produces, read committed
	RoleRanges     Role = "ranges" // ranges of offsets set aside, a [DeferredRange] each
	RoleState      Role = "state"  // the consumer's own, compacted, never read by the harness
)

// TakesOver reports whether a copy in a topic of the role takes over what is owed
// at the place that it was copied from.
func (r Role) TakesOver() bool {
	switch r {
	case RoleRetry, RoleOverflow, RoleWide, RoleDelay, RoleDeadLetter:
		return true
	}
	return false
}

// SideTopic is a topic that an implementation needs beside the source. The
// harness creates it before the pods start, stamped by the broker
// (LogAppendTime), and reads it when they have stopped.
type SideTopic struct {
	Name       string // Name is its key in [Config.SideTopics], as "retry-1".
	Role       Role
	Partitions int // Partitions is their number. 0: as many as the source has, or Times as many.
	Times      int // Times is how many times as many, where Partitions is 0; 0 stands for 1.
}

// PartitionsFor is how many partitions the topic has where the source has so many.
func (s SideTopic) PartitionsFor(source int) int {
	if s.Partitions > 0 {
		return s.Partitions
	}
	return source * max(s.Times, 1)
}

// Effect is where the effects of a consumer are counted.
type Effect string

const (
	// EffectWork: a call of the work that returned nil is an effect.
	EffectWork Effect = ""
	// EffectOutput: a record in the side topic of [RoleOutput], read committed,
	// is the effect of the source record whose identity it carries; the work is
	// mere computation and may be repeated.
	EffectOutput Effect = "output"
)

// DeferredRange is a range of offsets of the source, [From, To), that a consumer has set
// aside to be worked on later: the value of a record in a topic of [RoleRanges],
// as JSON. It counts from when it is in the log.
type DeferredRange struct {
	Partition int32 `json:"partition"`
	From      int64 `json:"from"`
	To        int64 `json:"to"`
}

// SideTopicsOf are the side topics of the implementation under cfg.
func (i *Implementation) SideTopicsOf(cfg Config) []SideTopic {
	if i.SideTopics == nil {
		return nil
	}
	return i.SideTopics(cfg)
}
