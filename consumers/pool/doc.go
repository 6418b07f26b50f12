// Package pool works on records in parallel and keeps the order of each shard. [Sharded] is a
// whole consumer; [Scheduler], [Worker], [Retrier], [Sequencer] and [Slots] are its parts.
package pool
