// Package engine takes one run from start to verdict: it brings up the topic,
// the observers and the pods, sends the load, injects the faults, drains, reads
// the log once more, and has the ledger replayed, judged and measured.
//
// What the consumer under test does wrong is data in the [harness.Run]; what
// Stampede itself could not do is an error.
package engine
