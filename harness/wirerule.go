package harness

import "time"

// RuleApplier is the ability of a cluster to change what its clients and brokers send each
// other.
type RuleApplier interface {
	// ApplyRule applies a rule to frames that arrive after the call, until stop is called.
	// stop returns how many frames the rule changed. A frame that waits goes on to Then.
	ApplyRule(Rule) (stop func() int, err error)
}

// Rule says what happens to requests or responses of some clients. The zero value of Then
// lets them pass.
type Rule struct {
	Key        int16  // Key is the Kafka API key of the request, also where the response changes.
	Client     string // Client is the prefix of the client id; "" is every client.
	OnResponse bool   // OnResponse changes the response. The broker has carried out the request then.
	Skip       int    // Skip is how many frames pass before the first one changes.
	Limit      int    // Limit is the most frames to change; 0 is all.

	// A frame first waits for Delay. Then Reached is called, if not nil. Then the frame waits
	// until Hold is closed; a nil Hold does not wait. What follows on the connection waits too.
	// The end of the connection ends both waits, and the frame is lost. A request that waits
	// does not see that its client went away; the end of its pod it does. Reached must not wait
	// for the end of the connection, as the kill of its pod does.
	Delay   time.Duration
	Reached func()
	Hold    <-chan struct{}
	Then    WireAction
}

// WireAction is what happens to a frame in the end.
type WireAction uint8

const (
	WirePass  WireAction = iota // WirePass lets the frame pass.
	WireReset                   // WireReset drops the frame and resets the connection.
	WireDrop                    // WireDrop drops the frame, and all that follows in both directions. The connection stays open.
)
