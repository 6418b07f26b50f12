package harness

// Role is what a side topic is for. It decides what the copy of a record in that
// topic means.
type Role string

// The roles of side topics. A copy in a topic of one of the first five roles takes
// over what is outstanding: the source record may be committed, and the copy must
// be completed instead. A copy in a dead-letter topic is complete at once.
const (
	RoleRetry      Role = "retry"
	RoleOverflow   Role = "overflow"
	RoleWide       Role = "wide"
	RoleDelay      Role = "delay"
	RoleDeadLetter Role = "dead-letter"
	RoleOutput     Role = "output" // the outputs of a consumer with [EffectOutput], read committed
	RoleRanges     Role = "ranges" // deferred ranges of offsets, a [DeferredRange] each
	RoleState      Role = "state"  // private state of the consumer, compacted, never read by the harness
)

// TakesOver reports whether a copy in a topic of the role takes over what is
// outstanding where the record was copied from.
func (r Role) TakesOver() bool {
	switch r {
	case RoleRetry, RoleOverflow, RoleWide, RoleDelay, RoleDeadLetter:
		return true
	}
	return false
}

// SideTopic is a topic that an implementation needs in addition to the source. The
// harness creates it before the pods start, with timestamps of the broker
// (LogAppendTime), and reads it after they have stopped.
type SideTopic struct {
	Name       string // Name is its key in [Config.SideTopics], as "retry-1".
	Role       Role
	Partitions int // Partitions is their number. 0: as many as the source has, or Times as many.
	Times      int // Times multiplies the partitions of the source where Partitions is 0; 0 stands for 1.
}

// PartitionsFor is the number of partitions of the topic where the source has
// that many.
func (s SideTopic) PartitionsFor(source int) int {
	if s.Partitions > 0 {
		return s.Partitions
	}
	return source * max(s.Times, 1)
}

// Effect is where the effects of a consumer are counted.
type Effect string

const (
	// EffectWork counts a call of the work that returned nil.
	EffectWork Effect = ""
	// EffectOutput counts a record in the side topic of [RoleOutput], read
	// committed: it is the effect of the source record whose identity it carries.
	// The work is then computation and may be repeated.
	EffectOutput Effect = "output"
)

// DeferredRange is a range of source offsets, [From, To), whose work a consumer
// has deferred. It is the value of a record in a topic of [RoleRanges], as JSON, and
// takes effect when that record is in the log.
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
