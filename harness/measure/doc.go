// Package measure turns the replay of a run into figures: latencies by phase,
// rates, backlog, lag and age over time, recovery from faults, the load as it
// was achieved, and how busy the host was.
//
// A [Recorder] sees every event once, in time order, and keeps only what is
// open: memory grows with the records waiting, the keys and the length of the
// run, not with the records sent. It judges nothing and reads no clock, so the
// same replay gives the same figures.
//
// Three rules hold throughout. Only the first effect of a position counts, so
// that doing work twice is never speed. Latency runs from when a record was
// due, so that a late sender hides nothing. Histograms are merged and never
// their percentiles averaged, and a value outside their range is clamped and
// counted, never dropped.
package measure
