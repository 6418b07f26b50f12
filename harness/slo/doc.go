// Package slo reads objectives and judges a run by them. A claim is what a design promises;
// an objective is what a run must reach, as a number: "p99<500ms, trend<1%, recovery(kill
// broker)<30s". [Parse] describes the syntax.
//
// A run without a value is missing the objective's sample. It is never met: a run without
// records has no latency of 0. A metric with confidence bounds is met only if the whole
// interval is, and undecided if the limit lies within.
package slo
