// Package measure turns the replay of a run into metrics: latencies by phase,
// rates, backlog, lag and age over time, recovery from faults, the load as
// achieved, and how busy the host was.
//
// A [Recorder] sees every event once, in time order, and keeps only what is
// open. Its memory grows with the waiting records, the keys and the length of
// the run, but not with the records sent. It judges nothing and reads no clock,
// so the same replay gives the same metrics.
//
// Three rules hold everywhere:
//
// - Only the first effect of a position counts, so that a repeat is never speed.
// - Latency runs from the time at which a record was due, so that a late sender hides nothing.
// - Histograms are merged, and percentiles are never averaged. A value outside the range of a histogram is clamped and counted, never dropped.
package measure
