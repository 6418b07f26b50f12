// Package harness holds the contracts of Stampede, what is registered under
// them, and the result of a comparison: what every other package imports.
//
// A [Scenario] says what the producer sends, which faults happen and what a run must
// reach. An [Implementation] makes a [Consumer] and says what it claims. A [Backend]
// brings up Kafka. The engine runs a consumer in a scenario and fills a [Run].
// Reports render a [Comparison] of runs.
package harness
