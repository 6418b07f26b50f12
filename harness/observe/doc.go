// Package observe watches a run from outside, with clients of its own: commits,
// owners of partitions, log ends, and at the end the whole log. It takes no part
// in the consumer group.
//
// A cluster that can see commits and groups itself (kfake) is asked to. From
// real Kafka, commits and the generations of classic groups are read from
// __consumer_offsets, where the broker wrote them with a time; groups of the
// KIP-848 protocol are described every 200 ms.
package observe
