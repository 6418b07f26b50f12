// Package sizing finds by trials how much a consumer carries. A trial is a run of one scenario at one
// rate, or with so many pods, workers or partitions. A [Question] says what is searched for, and
// its answer has the bounds, the trials and what was measured at the capacity. The search itself is that
// of package capacity.
package sizing
