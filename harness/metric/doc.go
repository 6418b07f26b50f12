// Package metric has the one table of the metrics of a run, by the names of bench.txt.
// Reports render from it, and objectives (package slo) are written with its names, so
// that a metric means the same wherever its name stands.
//
// A metric has a value or it has none: a run without faults has no recovery. Such a run is
// not a run with a recovery of 0, so each function returns ok. A time that never came
// within the run is infinite: it is longer than every limit.
package metric
