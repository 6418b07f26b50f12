// Package capacity finds how much a system holds, and how sure that is. It is pure: no
// clock, no broker and no run. A caller measures; this package says what to measure next
// and what the measurements mean.
//
// # The search
//
// [Search] follows RFC 9971 (MLRsearch, Konstantynowicz and Polak, 2026), which was made
// for packet loss of network devices. Its parts and words, as they are used here:
//
//   - A trial is one measurement at one load. It says of each goal whether it was held or
//     broken, or that it cannot tell.
//   - A [Goal] is a promise with a tolerance. The exceed ratio is the share of the trial time
//     at a load that may break the goal. Guarantees have 0, since one lost record is too many.
//     Latencies have 0.5: a load holds if at least half of the time did.
//   - All trials at one load classify it. It is a lower bound (held) if no outcome of the
//     time still missing could break it. It is an upper bound (broken) if no outcome could
//     hold it. Else it is undecided. Only full-length trials can hold a load.
//   - The answer is the hardest load that holds and is easier than every load that breaks.
//     The conditional throughput is what came out of it: the completed rate, not the offered.
//
// Loads lie on a lattice: the bracket factor of 1.25 is a whole number of steps, and
// a step is at most the width of the finest goal. A search starts at 0.9 times an
// analytic bound, brackets the answer, and halves the bracket with short trials. Then
// full-length trials confirm the lower bound first and the upper bound after it. If they
// refute it, the search goes on from there. Where several trials are possible, short
// ones come before long ones and easy loads before hard ones.
//
// The search has two directions. A capacity is the highest rate that given resources
// hold. A demand is the least pods, workers or partitions that hold a rate ([Axis]); fewer
// are harder. Both are one algorithm over positions that grow with the hardness.
//
// # What a reader of a result must know
//
// An undecided load was measured again with a longer trial, once, and told nothing. It
// stays in the result and is neither bound. An inversion is a load that breaks although a
// harder one holds. It is a finding on the system or on its noise: the answer stays below
// it, both loads are shown, and nothing is averaged. A search may find no load that
// holds or none that breaks; its outcome says which. If a trial contradicts the verdict of
// its load, the capacity is near, and the interval grows by one width on that side.
//
// # What is reported
//
// Three measures answer different questions, each with its interval and the number of runs.
//
//   - The capacity under a promise ([GoalResult], over several searches [CapacityInterval]).
//   - The saturation: how fast a standing backlog drains ([MeasureSaturation]).
//   - The knee: from which load on latencies grow ([FindKnee]).
//
// Intervals over runs come from order statistics ([QuantileInterval]) and need no assumption
// on distributions, but six runs for a median. The law over pods ([FitScaleLaw]) tells
// contention from coherency below the limit of partitions and of the hottest key. Past
// that limit it says nothing.
//
// # The bounds
//
// [Bounds] computes the rate at which each resource is full: the workers, the fullest pod, key,
// hash queue or partition, the windows, the processors, the clients. The shares are those of the
// records that a run sends ([Shape]), not of a formula. [CheckRate] holds a measured rate next
// to them: one above a bound is a bug, and one far below has a cause that no bound names.
// [PredictDrain] says how long the backlog of an outage lasts, and which resource is last. All this
// costs no run, so a search starts from it.
package capacity
