// Package scenarios holds the scenarios that Stampede ships, one file each. A
// scenario is plain data: load, topology, work, faults and thresholds. Import the
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

// faultConsumers run in an extra scenario that needs no others. The control is missing, since
// each scenario costs half a minute a consumer on real Kafka.
var faultConsumers = []string{"keyed", "serial"}

// Scenarios about brokers compare the reference design with transactions where the broker keeps
// the state of a client, and with a share group where clients must find the broker.
var (
	stateConsumers = []string{"keyed", "txn"}
	reachConsumers = []string{"keyed", "share"}
)
