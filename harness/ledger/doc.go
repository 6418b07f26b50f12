// Package ledger is the memory of a run: what was sent, attempted, committed
// and owned, when, and by whom.
//
// Every fact is a 64-byte [Slot] in an append-only file. The harness writes
// one file for its sends, one for what it observes, one for the final read of
// the log; each incarnation of a pod writes its own for its attempts. Those of
// the pods are shared memory maps, so all that was published before a SIGKILL is
// there afterwards. [Stream] merges them into one sequence of [Event] in time order,
// which is what the oracle judges and the measures count.
//
// The package imports nothing else of Stampede: everything stands on it.
package ledger
