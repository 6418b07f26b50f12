package harness

import (
	"math/rand/v2"
	"time"
)

// Scenario is load, topology, work, faults and thresholds: plain data,
// registered by name. Flags of the command line override the fields marked so.
type Scenario struct {
	Name string
	Doc  string // Doc says in a sentence or two what question it answers.

	Load    Load
	Service Service // Service is how long the work on a record takes (-service).

	// Prepare is the share of the service time, above 0 and below 1, that is
	// [PreparedWork]'s; only designs that prepare notice. 0: 0.8.
	Prepare float64

	Failures Failures // Failures say which of the work fails.
	Slowdown Slowdown // Slowdown is a time in which what is downstream is slow.

	Partitions int // Partitions of the source topic (-partitions).
	Pods       int // Pods of the consumer (-pods).
	Spare      int // Spare are pods beyond those, not started until a fault starts them.

	// Workers, Window and MaxPoll are the defaults of [Config]; a knob on the
	// consumer's name beats a flag, a flag beats these. 0: 50, 500, 100.
	Workers, Window, MaxPoll int

	// Commit and Session are the commit interval and session timeout (-commit,
	// -session). 0: 1 s and 6 s. The heartbeat is a sixth of the session.
	Commit, Session time.Duration

	// Warmup is the first part of the load: judged, not measured. It counts
	// into Load's duration.
	Warmup time.Duration

	// Drain is how long the run waits after the load for the backlog. 0: 30 s.
	Drain time.Duration

	Injections []Injection
	Thresholds Thresholds

	// MayOverload says that a consumer unable to keep up is an answer here and
	// no failure.
	MayOverload bool

	// Consumers are those that meet the scenario where the line names none, each as
	// on the line; what is not registered is left out. Empty, or with none of them
	// registered: all.
	Consumers []string

	// Extra leaves the scenario out where a glob names scenarios: it is there for
	// proofs and soaks, and for those who name it.
	Extra bool
}

// Failures say which of the work fails, by a hash of seed, repeat, key and seq,
// so that all consumers of a repeat meet the same failures. The zero value fails
// nothing. A record that is picked for several takes the first in the order
// below.
type Failures struct {
	// Poison is the share of records, in [0,1], whose work can never succeed: it
	// returns [ErrPoison].
	Poison float64 `json:"poison,omitempty"`
	// Panic is the share of records whose work panics the first time an
	// incarnation tries it.
	Panic float64 `json:"panic,omitempty"`
	// Fraction is the share of records whose work fails the first Times times an
	// incarnation tries it; every record of Keys does too.
	Fraction float64  `json:"fraction,omitempty"`
	Keys     []uint32 `json:"keys,omitempty"`
	Times    int      `json:"times,omitempty"` // 0: 1
}

// Slowdown makes the work take Factor times as long that begins from From on and
// before To, counted from the start of the load. It goes by the time of the work and
// not by that of the record, as a service does that is slow for whoever calls it
// then: a consumer that fell behind finds it quick again afterwards, with all that
// waited, and that it catches up is part of the question. The zero value slows nothing.
type Slowdown struct {
	From   time.Duration `json:"from_ns,omitempty"`
	To     time.Duration `json:"to_ns,omitempty"`
	Factor float64       `json:"factor,omitempty"`
}

// Load is what the open-loop producer sends, and when.
type Load struct {
	Pacer   Pacer // Pacer has the schedule (-rate, -load-duration, by [Scalable]).
	Keys    Keys  // Keys picks the key of each record (-keys).
	Payload int   // Payload is the length of a value in bytes, the identity prefix included (-payload). 0: 200.
}

// Pacer is a schedule. It depends on n alone, so it needs no clock.
type Pacer interface {
	// At is when record n is due, counted from the start of the load, in an
	// order that never falls. ok is false past the last record.
	At(n uint64) (due time.Duration, ok bool)
	// String is the schedule in words or in the syntax of the command line.
	String() string
}

// Scalable is the ability of a pacer to be run at another rate or for another
// time; zero keeps what it had.
type Scalable interface {
	Scale(rate float64, duration time.Duration) Pacer
}

// Flooder is the ability of a pacer to say that all its records are due at
// once: lateness and end-to-end latency mean nothing then.
type Flooder interface{ Flood() bool }

// Keys is a distribution of keys.
type Keys interface {
	// Key is the index of the key of record n. All randomness comes from r.
	Key(n uint64, r *rand.Rand) uint32
	// Count is the number of distinct keys; Key is below it.
	Count() int
	// String is the distribution in the syntax of the command line, as hot:0.2/1/10000.
	String() string
}

// Heavy is the ability of a distribution to name the keys that get far more
// records than the others: each at least 1 % of them and ten times the mean.
type Heavy interface{ Heavy() []uint32 }

// Service is a distribution of service times.
type Service interface {
	// Time is the service time at u, uniform in [0,1): its inverse distribution.
	Time(u float64) time.Duration
	// Mean of the distribution.
	Mean() time.Duration
	// CPU reports whether the work burns the time rather than sleeping it.
	CPU() bool
	// String is the distribution in the syntax of the command line, as
	// cpu:lognormal:10ms/100ms.
	String() string
}

// Thresholds are what a run must reach besides keeping its claims.
type Thresholds struct {
	// OfBound is the share of pods x parallelism / achieved mean service that the
	// completed rate must reach while there was load. 0: none.
	OfBound float64 `json:"of_bound,omitempty"`
	// Lateness bounds the p99 of the producer's lateness outside fault windows; past it the
	// run is inconclusive. 0: 100 ms.
	Lateness time.Duration `json:"lateness_ns,omitempty"`
	// StarvedAfter bounds how long a key may wait for its next attempt while
	// records behind its own in the partition have their effects. 0: not judged;
	// waits past 5 s are counted.
	StarvedAfter time.Duration `json:"starved_after_ns,omitempty"`
	// OthersP99 bounds the p99 of the end-to-end latency of all keys but those that
	// the load makes heavy (see [Heavy]) or Failures.Keys names. 0: not judged;
	// records that take longer than 1 s are counted.
	OthersP99 time.Duration `json:"others_p99_ns,omitempty"`
	// WorkInFlight asks that at the first kill of a pod the records landed and not
	// finished on its partitions amount to this many commit intervals of its
	// work, else the run is inconclusive. 0: not asked.
	WorkInFlight float64 `json:"work_in_flight,omitempty"`
}

// Injection is one fault at one time.
type Injection struct {
	Fault Fault
	// At is when it is injected, counted from the start of the load.
	At time.Duration
	// HealAfter is how long until it is healed, counted from the injection;
	// HealSessions adds that many session timeouts. Both 0: it is never healed.
	HealAfter    time.Duration
	HealSessions int
}

// HealsAfter is how long after its injection the fault is healed under a
// session timeout; ok is false if it never is.
func (i Injection) HealsAfter(session time.Duration) (after time.Duration, ok bool) {
	after = i.HealAfter + time.Duration(i.HealSessions)*session
	return after, after > 0
}
