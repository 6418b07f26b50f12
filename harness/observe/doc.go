// Package observe watches a run from outside, with its own clients: commits,
// owners of partitions, log ends, and at the end the whole log. It is no member
// of the consumer group.
//
// A cluster that sees commits and groups itself (kfake) reports them. From real
// Kafka, commits and the generations of classic groups are read from
// __consumer_offsets, where the broker wrote them with a time. Groups of the
// KIP-848 protocol are polled every 200 ms.
package observe
