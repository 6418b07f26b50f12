// Package scenarios holds the scenarios that Stampede ships, one file each:
// load, topology, work, faults and thresholds as plain data. Import it for its
// registrations.
//
// To add one, write a file named after it that registers a [harness.Scenario].
// Rates and times here are chosen so that every shipped consumer, the serial
// one with its single record at a time among them, is put to the question that
// the scenario asks and not to another; each file has its arithmetic.
package scenarios

// first are the consumers that a comparison has if it names none: one record at a
// time, the reference of the good designs, and the control.
var first = []string{"keyed", "naive", "serial"}
