package harness

// Redelivery says which repeats a consumer that claims at-least-once allows itself.
type Redelivery string

// The claims about repeats.
const (
	// RedeliveryBounded allows a repeat only after a rewind: a new owner reads the group's
	// commit and goes on from there. The zero value means the same.
	RedeliveryBounded Redelivery = "bounded"
	// RedeliveryAny allows what Kafka's documentation calls at-least-once: a record is
	// worked on once or more. A repeat without a rewind, a commit below the one before it
	// and a commit that stalls are warnings then. They do not fail a run.
	RedeliveryAny Redelivery = "any"
)

// AllowsAny reports whether repeats need no rewind.
func (r Redelivery) AllowsAny() bool { return r == RedeliveryAny }
