// Package engine makes one run, from its plan to its verdicts.
//
// A run goes through these phases (run.go shows them in order):
//
//	prepare   start the broker, create the topics, make observers, pods and producer
//	form      start the pods and wait until they share the partitions
//	load      send the load; inject the faults at their times
//	drain     wait until the backlog is completed; heal the faults
//	stop      stop the pods; read the commits and the topics once more
//	evidence  journal what only the engine knows, seal the journals, save the ledger
//	conclude  replay the ledger for the oracle and the metrics; decide the status
//
// Errors of the consumer under test are data in the [harness.Run]. Errors of Stampede
// itself are errors.
package engine
