package harness

// Delivery is how often a consumer promises an effect for each record.
type Delivery string

// The delivery guarantees that a consumer can claim.
const (
	AtMostOnce  Delivery = "at-most-once"
	AtLeastOnce Delivery = "at-least-once"
	ExactlyOnce Delivery = "exactly-once"
)

// Order is the scope in which a consumer promises effects in log order.
type Order string

// The order guarantees that a consumer can claim.
const (
	OrderNone      Order = "none"
	OrderKey       Order = "key"
	OrderPartition Order = "partition"
)

// NothingClaimed is what a report says of a consumer that claims neither a delivery nor
// an order.
const NothingClaimed = "nothing claimed, nothing judged but what holds for all"

// DescribeClaims says in words what a consumer claims.
func DescribeClaims(d Delivery, r Redelivery, o Order) string {
	delivery, order := DescribeDelivery(d, r), "order by "+string(o)
	if d == "" {
		delivery = "no delivery"
	}
	if o == OrderNone || o == "" {
		order = "no order"
	}
	if d == "" && o == "" {
		return "nothing claimed"
	}
	return delivery + ", " + order
}

// DescribeDelivery says in words how often a consumer promises an effect.
func DescribeDelivery(d Delivery, r Redelivery) string {
	if r.AllowsAny() {
		return string(d) + " with any repeats"
	}
	return string(d)
}

// Knob is a setting that one implementation declares.
type Knob struct {
	Name, Default, Doc string
	Check              func(value string) error // Check refuses a bad value; nil accepts any.
}

// Expectation is a check that a control or a mutant must fail in a scenario.
type Expectation struct {
	Scenario string `json:"scenario"`
	Check    string `json:"check"` // Check is a constant of harness/oracle, as oracle.CheckLoss.
}

// Allowance is a check that a mutant may fail in addition to those it must fail,
// because its bug can have that consequence too.
type Allowance struct {
	Check, Why string
}

// Implementation is a registered consumer: what it is, what it claims, and how to
// make one.
type Implementation struct {
	Name  string
	Doc   string // Doc says in one or two sentences how it works and what it costs.
	Use   string // Use says when to choose it, and when not.
	Bound string // Bound is what limits its throughput.
	Crash string // Crash is what the crash of a pod costs.

	// Delivery and Order are its claims. Without both of them it claims nothing, and is
	// judged only by what holds for all consumers. An Order that is missing next to a
	// Delivery means [OrderKey]: a claim that was forgotten is no weaker claim.
	Delivery Delivery
	Order    Order

	// Redelivery is what an at-least-once consumer promises about repeats. The zero value
	// is [RedeliveryBounded].
	Redelivery Redelivery

	// Parallelism is the most records that one pod works on at once; the records of
	// one [BatchWork] call count as one. nil means 1. A pod that exceeds it fails the
	// check "excess parallelism".
	Parallelism func(Config) int

	// Buffering is the most records of the source that one pod has fetched and not finished; nil
	// means [Config.Window]. [Unbounded] declares none. A pod that exceeds it fails the check
	// "excess buffering".
	Buffering func(Config) int

	// AllowIdleWorkers exempts the consumer from objectives of its share of the bound: its
	// design can leave workers idle while records wait.
	AllowIdleWorkers bool

	// Serial is what it works on one record at a time, which limits its throughput under skew.
	// nil: what Order implies, see [Implementation.SerialOf].
	Serial func(Config) Serial

	// SideTopics are the topics that it needs in addition to the source. nil means none.
	SideTopics func(Config) []SideTopic

	// DeadLetters says after how many failed attempts it may dead-letter a record.
	// nil: after one.
	DeadLetters func(Config) DeadLetterPolicy

	Effect Effect // Effect is where its effects are counted.
	Share  bool   // Share: it consumes by a share group, which ignores the protocol and assigns no partition to one member alone.

	// RealTime is why it cannot run in virtual time, "" if it can.
	RealTime string

	// Knobs are its settings, in addition to [SharedKnobs].
	Knobs []Knob

	// MustFail makes it a control, shipped to fail there: a run in which it passes is
	// itself a failure. In other scenarios its verdicts are shown and not judged.
	MustFail []Expectation

	// Mutant marks a consumer that proves checks: an honest one with one seeded bug
	// or, without MustFail, the honest one itself. Comparisons leave it out.
	Mutant bool

	// MayFail has the checks that a mutant may fail in addition to MustFail, in the
	// same scenarios. It must pass every other check.
	MayFail []Allowance

	New func(Config) (Consumer, error)
}

// Control reports whether the implementation is shipped to fail.
func (i *Implementation) Control() bool { return len(i.MustFail) > 0 }

// ParallelismOf is the most records that one pod works on at once under cfg.
func (i *Implementation) ParallelismOf(cfg Config) int {
	if i.Parallelism == nil {
		return 1
	}
	return i.Parallelism(cfg)
}

// BufferingOf is the most records of the source that one pod has fetched and not finished under cfg,
// 0 if the consumer declares none.
func (i *Implementation) BufferingOf(cfg Config) int {
	if i.Buffering == nil {
		return cfg.Window
	}
	return i.Buffering(cfg)
}

// Unbounded is an [Implementation.Buffering] without a limit.
func Unbounded(Config) int { return 0 }
