// Package harness holds the contracts of Stampede, what is registered under
// them, and the result of a comparison: what every other package imports.
//
// A [Scenario] says what is sent, what goes wrong and what must be reached. An
// [Implementation] makes a [Consumer] and says what it claims. A [Backend]
// brings up Kafka. The engine runs one against the other and fills a [Run];
// a [Comparison] of runs is what reports render.
package harness
