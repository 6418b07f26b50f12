// Package consumers has the Kafka consumer designs that Stampede compares, one file each,
// registered by name. Each is the best version of its design, so that a comparison
// shows differences between designs, not between degrees of care.
//
// A design's file says only how records get from the poll to the work. The parts are
// packages of their own, each built on those before it:
//
//   - client: options of a client, its fatal errors, and calls that end with their context
//   - group: a group member that commits low watermarks and drains on revoke
//   - pool: workers that keep the order of shards, and the consumer pool.Sharded
//   - relay: copies of records to side topics, and consumers of several groups
//   - sharegroup: the members of a share group
//   - txn: a member whose outputs and commits are transactions
//
// mutants has consumers with a seeded bug each. FRANZ-GO.md lists surprises of the client
// library.
package consumers
