// Package scenarios holds the scenarios that Stampede ships, one file each. A
// scenario is plain data: load, topology, work, faults and thresholds. Import the
// package for its registrations.
//
// To add one, write a file named after it that registers a [harness.Scenario].
// Its Doc is one question, which README's table and all reports repeat. Choose
// rates and times so that each shipped consumer answers that question and no
// other, also the serial one. The comment has the arithmetic.
package scenarios

// defaultConsumers are the consumers of a scenario that needs no others: one record at a
// time, the reference design, and the control.
var defaultConsumers = []string{"keyed", "naive", "serial"}

// brokerConsumers run in the scenarios about brokers: a window over keys, one record at a
// time, transactions, and a share group.
var brokerConsumers = []string{"keyed", "serial", "txn", "share"}
