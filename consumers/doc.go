// Package consumers has the Kafka consumer designs that Stampede compares, one
// file each, registered by name. Each is meant to be its design at its best, so
// that a comparison is between designs and not between degrees of care.
//
// The group consumers stand on shared parts, and a design's own file says only
// how records get from the poll to the work:
//
//   - client.go: options of the client, and which of its errors end a consumer.
//   - member.go: a group member that takes records and commits by low
//     watermark, revokes with a drain, and never commits what it no longer owns.
//   - assignment.go, watermark.go: one assignment of one partition, and which of
//     its offsets may be committed.
//   - progress.go, finished.go: what is finished above the watermark, handed on to the
//     next owner in the metadata of commits, and its format.
//   - window.go: how many records a pod may have taken and not committed past.
//   - stock.go: for a design by partition, a share of the window for each of them.
//   - due.go: records that wait, each until its time has come.
//   - scheduler.go: work on many keys at once, on each key in order.
//   - copier.go, produce.go: copies of records to side topics; consumers that are members of several groups.
//   - claim.go: copies that only who has the partition can make.
//   - sequencer.go: records that get ready in any order, back in the order of their key.
//   - hand.go: what a member of a share group has in hand, under locks that are renewed.
//   - transactor.go: a member whose outputs and commits are transactions, which ends the work on what it loses.
//   - shared.go: workers that several members of a pod share.
//   - knobs.go: settings that are whole numbers.
//   - fence.go, usurped.go: a pod that stood still begins nothing that others have by then, and notices when it
//     has become another member.
//   - commit.go: commits, none for what is not owned any more.
//   - records.go: a pool of the records that a client decodes into.
//   - trier.go: tries of the work that end with success, poison or a limit.
//   - blocked.go: tells a record that holds up the window from one of many that are slow.
//   - carry.go, forwarding.go: copies of some records, or of all, by who has the partition.
//   - lane.go, laned.go, laneowner.go: an overflow topic for some keys, and their way there and back.
//   - batchworker.go: several records of a key in one call of the work.
//   - worker.go: one record through the work, tried again until it has its effect.
package consumers
