// Package txn is a group member whose outputs and commits are transactions. [Join] a group,
// [Session.Poll] a batch, [Session.Transact] it, and [Session.Leave].
package txn
