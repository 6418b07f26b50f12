package harness

import "time"

// RuleApplier is the ability of a cluster to change what its clients and brokers send each
// other.
type RuleApplier interface {
	// ApplyRule applies a rule to frames that arrive after the call, until stop is called. It
	// refuses a rule that makes no sense. stop returns how many frames the rule changed. A
	// frame that waits goes on to Then.
	ApplyRule(Rule) (stop func() int, err error)
}

// AnyKey is the Key of a rule about requests of all kinds.
const AnyKey int16 = -1

// Rule says what happens to requests or responses of some clients. The zero value of Then
// lets them pass. A frame meets rules in the order of their calls. A frame that passes one
// meets the next.
type Rule struct {
	Key        int16   // Key is the Kafka API key of the request, also where the response changes, or [AnyKey].
	Client     string  // Client is the prefix of the client id; "" is every client.
	Nodes      []int32 // Nodes are the brokers on the other side; an empty list is every broker.
	OnResponse bool    // OnResponse changes the response. The broker has handled the request then.
	Accepted   bool    // Accepted, with OnResponse, is about responses without an error code only, and no empty ones of share groups.
	Answer     int16   // Answer, with OnResponse, is about responses with this error code only; 0 is any code.
	Skip       int     // Skip is how many frames pass before the first one changes.
	Every      int     // Every is after how many frames the next one changes; 0 and 1 are all.
	Limit      int     // Limit is the most frames to change; 0 is all.

	// A frame first waits for Delay and a random part of Jitter, counted from when it arrived,
	// and for as long as its bytes take at BytesPerSecond. All frames of the rule share these
	// bytes. Then Reached is called, if not nil. Then the frame waits until Hold is closed; a
	// nil Hold does not wait. What follows on the connection in this direction waits too, as TCP
	// delivers in order. A client that has several requests under way on one connection gets all
	// their responses later. Other connections of the client do not wait.
	//
	// The end of the connection ends all waits, and the frame is lost. So a request that waits
	// is lost when its client goes away or gives it up. Reached must not wait for the end of the
	// connection, as the kill of its pod does.
	Delay          time.Duration
	Jitter         time.Duration
	BytesPerSecond int
	Reached        func()
	Hold           <-chan struct{}

	Then     WireAction
	Code     int16 // Code is the error code of [WireRefuse].
	CutAfter int   // CutAfter, with [WireReset], is how many bytes of the frame pass before the reset.
}

// WireAction is what happens to a frame in the end.
type WireAction uint8

const (
	WirePass   WireAction = iota // WirePass lets the frame pass.
	WireReset                    // WireReset drops the frame, or what is left of it, and resets the connection.
	WireDrop                     // WireDrop drops the frame, and all that follows in both directions. The connection stays open.
	WireRefuse                   // WireRefuse drops the request. The client gets a response with an error code.
)
