// Package engine makes one run, from its plan to its verdicts.
//
// A run has these phases. run.go shows their order.
//
//   - prepare: start the broker, create the topics, make observers, pods and producer.
//   - form: start the pods and wait until they share the partitions.
//   - load: send the load, and inject the faults at their times.
//   - drain: wait until the backlog is completed, and heal the faults.
//   - stop: stop the pods, and read the commits and the topics once more.
//   - evidence: journal what only the engine knows, then seal the journals.
//   - conclude: replay the ledger for the oracle and the metrics, and decide the status.
//
// Errors of the consumer under test are data in the [harness.Run]. Errors of Stampede
// itself are errors.
package engine
