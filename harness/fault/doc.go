// Package fault holds what can go wrong in a run, one file per fault, and the
// runner of a scenario's schedule, which injects each fault at its time, asks
// whether it took, and heals it.
//
// To add a fault, write a file with a type that implements [harness.Fault], and
// [harness.Verifier] if it can happen that the fault does not take. A fault
// keeps no state between calls, since a scenario's value serves many runs: what
// it struck stands in the Hit of its environment.
package fault
