// Package fault has the faults of scenarios, one file for each, and the runner
// of a scenario's schedule. The runner injects each fault at its time, verifies
// that it took effect, and heals it.
//
// [Chaos] is a random schedule of faults.
//
// To add a fault, write a file with a type that implements [harness.Fault].
// A fault keeps no state between calls, since the value of a scenario serves many runs.
// What the fault affected is in the Target of its environment.
package fault
