package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// Consumer is an implementation under test. The contract names no client:
// franz-go, sarama, librdkafka or a child process in another language all fit.
type Consumer interface {
	// Consume takes records of cfg.Topic as a member of cfg.Group and calls w
	// for each. It returns when ctx ends, after its last call of w has
	// returned, and its error is data about the implementation: a pod whose
	// Consume returns before ctx ends has failed.
	Consume(ctx context.Context, cfg Config, w Work) error
}

// Work is the application's work on a record, and the harness's only probe: an
// effect is counted when Do returns nil and at no other time. It is safe for
// many goroutines.
type Work interface {
	// Do works on r. nil is one effect. An error wrapping [ErrPoison] will be
	// returned for this record for ever; any other error asks for another try.
	// Once ctx has ended Do returns its error soon, without an effect. Do does
	// not keep r beyond its return.
	Do(ctx context.Context, r *Record) error
}

// BatchWork is an ability that work may have, found by assertion: to work on
// several records in one call of what is downstream, as a bulk insert does. Without
// it a consumer calls Do for each record.
type BatchWork interface {
	// DoBatch works on records in the order given. nil is one effect for each, in
	// that order; an error is none for any, and does not say for the sake of which:
	// one wrapping [ErrPoison] if the work on at least one of them can never succeed,
	// another where another try may. It is safe for many goroutines, and as [Work.Do]
	// returns soon once ctx has ended and keeps nothing of the records.
	//
	// The call takes as long as the longest of its records would alone: what a batch
	// saves is the way there, and that is the most it can. A crash leaves it open for
	// all.
	DoBatch(ctx context.Context, records []Record) error
}

// PreparedWork is an ability that work may have, found by assertion: a part of the work
// on a record that commutes with all other work and has no effect, as to decode, to
// compute, or to ask somebody, can be done ahead. Without it Do is all there is.
type PreparedWork interface {
	// Prepare does that part for r, in any order and beside any other work, and sets
	// r.Prepared: what it came to is in r, and Do takes only the rest of its time. It is
	// no attempt: nothing of it is in the ledger or can be owed, and what a crash takes of
	// it is done anew. It fails only once ctx has ended. It is safe for many goroutines.
	// Which share of the work it is, the scenario says ([Scenario.Prepare]).
	Prepare(ctx context.Context, r *Record) error
}

// ErrPoison marks a record whose work can never succeed.
var ErrPoison = errors.New("poison record")

// Record is one record as its client fetched it.
type Record struct {
	Topic      string
	Partition  int32
	Offset     int64
	Key, Value []byte
	Headers    []Header
	Timestamp  time.Time
	Prepared   bool // Prepared is set by [PreparedWork.Prepare] and nobody else.
	Deliveries int  // Deliveries counts deliveries where the client knows it (share groups), else 0.
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Body is what follows the identity prefix of the value: what an application
// would call its payload. It is nil for a value that Stampede did not make.
func (r *Record) Body() []byte {
	if len(r.Value) < ledger.IdentitySize {
		return nil
	}
	return r.Value[ledger.IdentitySize:]
}

// Protocol is the group protocol a consumer joins with.
type Protocol string

// The group protocols a consumer can be asked for, after the @ on the line.
const (
	Eager       Protocol = "eager"       // classic, range assignor: every change revokes everything
	Cooperative Protocol = "cooperative" // classic, cooperative-sticky: only what moves is revoked
	Server      Protocol = "848"         // KIP-848: the broker assigns
	Static      Protocol = "static"      // cooperative, each pod a static member (KIP-345) under its own name
)

// Protocols lists the group protocols, the default first.
var Protocols = []Protocol{Cooperative, Eager, Server, Static}

// Config is what a consumer is told. It is equal across consumers of a
// comparison but for the knobs each declares, and printed in the report.
type Config struct {
	Seeds  []string                                                          `json:"seeds"` // Seeds are the bootstrap brokers, host:port.
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error) `json:"-"`     // Dialer is nil for the ordinary network.

	Topic      string            `json:"topic"`                 // Topic is the source.
	SideTopics map[string]string `json:"side_topics,omitempty"` // SideTopics has the names of the side topics by [SideTopic.Name].
	Group      string            `json:"group"`                 // Group is the consumer group; groups of a consumer's own start with it.

	Partitions int `json:"partitions"` // Partitions of the source that fall to a pod, the most if they do not come out even; 0 if nobody said.

	Pod         string `json:"pod"`         // Pod is the name of the pod, equal across its restarts.
	Incarnation int    `json:"incarnation"` // Incarnation counts the starts of the pod, from 1.

	Workers int `json:"workers"`  // Workers is W, the parallel workers of a pod.
	Window  int `json:"window"`   // Window is M, the records taken and not under the low watermark yet.
	MaxPoll int `json:"max_poll"` // MaxPoll bounds the records of one poll.

	Commit    time.Duration `json:"commit_ns"`    // Commit is the interval between commits.
	Session   time.Duration `json:"session_ns"`   // Session is the session timeout.
	Heartbeat time.Duration `json:"heartbeat_ns"` // Heartbeat is the heartbeat interval.
	Rebalance time.Duration `json:"rebalance_ns"` // Rebalance is how long the group waits for a member in a rebalance.
	Drain     time.Duration `json:"drain_ns"`     // Drain is how long a consumer may finish work when it loses partitions or stops.

	Protocol Protocol          `json:"protocol"`
	Knobs    map[string]string `json:"knobs,omitempty"` // Knobs are the implementation's own settings, defaults filled in.
	Seed     uint64            `json:"seed"`            // Seed is for random choices of the consumer.

	// ShareLock and Deliveries are the settings of a share group (KIP-932): how long an
	// acquired record stays locked, and how often it is delivered at most.
	ShareLock     time.Duration `json:"share_lock_ns"`
	DeliveryLimit int           `json:"delivery_limit"`
}

// ClientID is what a consumer's clients must call themselves: observers tell
// by it whose member and whose commit they see.
func (c Config) ClientID() string { return ClientID(c.Pod, c.Incarnation) }

// ClientID is the client id of one incarnation of a pod.
func ClientID(pod string, incarnation int) string { return fmt.Sprintf("%s.%d", pod, incarnation) }

// Delivery is how often a consumer promises an effect for each record.
type Delivery string

// The delivery guarantees a consumer can claim.
const (
	AtMostOnce  Delivery = "at-most-once"
	AtLeastOnce Delivery = "at-least-once"
	ExactlyOnce Delivery = "exactly-once"
)

// Order is within what scope a consumer promises effects in log order.
type Order string

// The order guarantees a consumer can claim.
const (
	OrderNone      Order = "none"
	OrderKey       Order = "key"
	OrderPartition Order = "partition"
)

// Knob is a setting that only one implementation has.
type Knob struct {
	Name, Default, Doc string
	Check              func(value string) error // Check refuses a bad value; nil takes any.
}

// Expectation is a check that a control or a mutant must fail in a scenario.
type Expectation struct {
	Scenario string `json:"scenario"`
	Check    string `json:"check"`
}

// Allowance is a check that a mutant may fail beside those it must, and why: what
// else its bug can bring about.
type Allowance struct {
	Check, Why string
}

// Implementation is a registered consumer: what it is, what it claims, and how
// to make one.
type Implementation struct {
	Name     string
	Doc      string // Doc says in a sentence or two how it works and what it costs.
	Use      string // Use says when to choose it, and when not.
	Bound    string // Bound is what its throughput cannot exceed.
	Crash    string // Crash is what the crash of a pod costs.
	Delivery Delivery
	Order    Order

	// Parallelism is how many records one pod can work on at once, those of one call
	// of [BatchWork] counting as one. nil means 1. A pod that works on more fails
	// "parallelism".
	Parallelism func(Config) int

	// AllowIdleWorkers says that its workers can be idle while records wait, by design: it is
	// held to no share of what its parallelism could do.
	AllowIdleWorkers bool

	// SideTopics are the topics it needs beside the source. nil means none.
	SideTopics func(Config) []SideTopic

	// DeadLetters is what founds a dead letter, where it has a topic for them. nil: one
	// attempt that ended in error.
	DeadLetters func(Config) DeadLetterPolicy

	Effect Effect // Effect is where its effects are counted.
	Share  bool   // Share: it consumes by a share group, so nobody owns partitions and the protocol means nothing.

	// RealTime is why it cannot run in virtual time, "" if it can.
	RealTime string

	// Knobs are its own settings, beside the shared workers, window, maxpoll and commit.
	Knobs []Knob

	// MustFail makes it a control, shipped to fail there: a run in which it does
	// not is itself a failure, and elsewhere its verdicts are shown, not judged.
	MustFail []Expectation

	// Mutant marks a consumer that is there to prove checks: a good one with one
	// seeded bug or, without MustFail, the good one that it differs from by that
	// bug. Comparisons leave it out.
	Mutant bool

	// MayFail has what a mutant may fail beside MustFail, in the same scenarios;
	// of every other check it must stay clean.
	MayFail []Allowance

	New func(Config) (Consumer, error)
}

// Control reports whether the implementation is shipped to fail.
func (i *Implementation) Control() bool { return len(i.MustFail) > 0 }

// ParallelismOf is how many records one pod works on at once under cfg.
func (i *Implementation) ParallelismOf(cfg Config) int {
	if i.Parallelism == nil {
		return 1
	}
	return i.Parallelism(cfg)
}
