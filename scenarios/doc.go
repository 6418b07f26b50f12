// Package scenarios holds the scenarios that Stampede ships, one file each. A
// scenario is plain data: load, topology, work, faults and objectives. Import the
// package for its registrations.
//
// To add one, write a file named after it that registers a [harness.Scenario].
// Its Doc is one question, which README's table and all reports repeat. Choose
// rates and times so that each shipped consumer answers that question and no
// other, also the serial one. The comment has the arithmetic.
package scenarios

// defaultConsumers are the consumers of a scenario of the smoke suite that needs no others:
// one record at a time, the reference design, and the control.
var defaultConsumers = []string{"keyed", "naive", "serial"}

// The suite of faults costs half a minute a consumer and scenario on real Kafka, and is to end in
// 40 minutes there. So an extra scenario names the reference design, and a second consumer only
// where the question has another answer for another way to work: one record at a time, state
// that the broker keeps, or a group that leaves its positions to the broker.
var (
	referenceConsumer = []string{"keyed"}
	faultConsumers    = []string{"keyed", "serial"}
	stateConsumers    = []string{"keyed", "txn"}
	reachConsumers    = []string{"keyed", "share"}
)
