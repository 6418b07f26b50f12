package harness

import (
	"math/rand/v2"
	"time"
)

// Load is what the open-loop producer sends, and when.
type Load struct {
	Pacer   Pacer // Pacer is the schedule (-rate, -load-duration, by [Scalable]).
	Keys    Keys  // Keys picks the key of each record (-keys).
	Payload int   // Payload is the length of a value in bytes, with the identity prefix (-payload). 0: 200.

	Sizes   Sizes  // Sizes are the lengths of values where they differ; Payload is then their mean. Nil: Payload is the length of all.
	Profile string // Profile says in words which topic the load replays (-profile). "": none.
}

// Sizes is a distribution of the lengths of values, in bytes with the identity prefix.
// Safe for concurrent use.
type Sizes interface {
	// Size is the length of the value of record n in a run of this seed, at least that of the
	// identity and at most Max.
	Size(n, seed uint64) int
	// Max is the length of the longest value, and Mean that of all.
	Max() int
	Mean() float64
	// String is the distribution in words.
	String() string
}

// Seeded is the ability of keys to have their order from the seed of a run. Other keys are drawn
// from the source of random numbers alone.
type Seeded interface {
	// WithSeed is the same for a run of this seed.
	WithSeed(seed uint64) Keys
}

// SeededKeys are the keys of a run with this seed.
func (l *Load) SeededKeys(seed uint64) Keys {
	if s, ok := l.Keys.(Seeded); ok {
		return s.WithSeed(seed)
	}
	return l.Keys
}

// ValueSize is the length of the value of record n in a run of this seed.
func (l *Load) ValueSize(n, seed uint64) int {
	if l.Sizes != nil {
		return l.Sizes.Size(n, seed)
	}
	return l.Payload
}

// Pacer is a schedule. It depends on n alone, so it needs no clock.
type Pacer interface {
	// At is when record n is due, counted from the start of the load. It never falls
	// with n. ok is false past the last record.
	At(n uint64) (due time.Duration, ok bool)
	// String is the schedule in words or in the syntax of the command line.
	String() string
}

// Scalable is the ability of a pacer to run at another rate or for another time;
// zero keeps the present value.
type Scalable interface {
	Scale(rate float64, duration time.Duration) Pacer
}

// Flooder is the ability of a pacer to say that all its records are due at once.
// Lateness and end-to-end latency mean nothing then.
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

// Keyless is the ability of keys to be none: the key of a record in Kafka is null, and the
// producer chooses its partition. The key in the identity is the partition.
type Keyless interface {
	// Of is the same for a topic of so many partitions and values of so many bytes.
	Of(partitions, payload int) Keys
}

// HasKeys reports whether the records have a key in Kafka.
func (l *Load) HasKeys() bool {
	_, none := l.Keys.(Keyless)
	return !none
}

// Heavy is the ability of a distribution to name its hot keys: each has at least
// 1 % of the records and ten times the mean.
type Heavy interface{ Heavy() []uint32 }

// Service is a distribution of service times.
type Service interface {
	// Time is the service time at u, uniform in [0,1): the inverse distribution.
	Time(u float64) time.Duration
	// Mean of the distribution.
	Mean() time.Duration
	// CPU reports whether the work uses the processor; otherwise it sleeps.
	CPU() bool
	// String is the distribution in the syntax of the command line, as
	// cpu:lognormal:10ms/100ms.
	String() string
}

// Failures say which work fails, by a hash of seed, repeat, key and seq: all
// consumers of a repeat meet the same failures. The zero value fails nothing. A
// record that several fields pick takes the first of them in the order below.
//
// With From and To only work that begins from From on and before To fails, counted from the
// start of the load: a service that is down for a time.
type Failures struct {
	// Poison is the share of records, in [0,1], whose work can never succeed: it
	// returns [ErrPoison].
	Poison float64 `json:"poison,omitempty"`
	// Panic is the share of records whose work panics at the first attempt of each
	// incarnation.
	Panic float64 `json:"panic,omitempty"`
	// Fraction is the share of records whose work fails at the first Times attempts
	// of each incarnation. So does every record of Keys.
	Fraction float64  `json:"fraction,omitempty"`
	Keys     []uint32 `json:"keys,omitempty"`
	Times    int      `json:"times,omitempty"` // 0: 1; -1: all attempts

	From time.Duration `json:"from_ns,omitempty"`
	To   time.Duration `json:"to_ns,omitempty"` // 0: no end
}

// Fails reports whether any work fails.
func (f Failures) Fails() bool {
	return f.Poison > 0 || f.Panic > 0 || f.Fraction > 0 || len(f.Keys) > 0
}

// Slowdown multiplies by Factor the duration of work that begins from From on and
// before To, counted from the start of the load. It depends on the time of the
// work and not on the record, as with a slow downstream service: a consumer that
// fell behind finds the service fast again afterwards. The zero value slows
// nothing.
type Slowdown struct {
	From   time.Duration `json:"from_ns,omitempty"`
	To     time.Duration `json:"to_ns,omitempty"`
	Factor float64       `json:"factor,omitempty"`
	// Fraction is the share of records with slow work, by a hash as in [Failures]. 0: all.
	Fraction float64 `json:"fraction,omitempty"`
}
