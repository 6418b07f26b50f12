// Package ledger keeps what happened in a run: what was sent, attempted, committed
// and owned, when, and by which pod.
//
// Every fact is a 64-byte [Slot] in an append-only file, a journal. The harness writes
// its sends, its observations and the final read of the log, each with a [Writer]. An
// incarnation of a pod writes its attempts with a [Journal]: open slots lie in shared
// memory maps, so that every published slot survives a SIGKILL. [Stream] merges the
// journals into one sequence of [Event] in time order, for the oracle and the measures.
//
// # The format, version 1
//
// A journal is a sequence of slots, little endian, field by field as [Slot] has them.
// The meaning of a field depends on the [Kind]; fields.go has it.
// The first eight bytes of a slot are its state:
//   - bits 0-7: the kind;
//   - bits 8-15: the [Outcome];
//   - bits 16-31: the [Owner];
//   - bits 32-62: the number of the call of an attempt ([Slot.Call]);
//   - bit 63: set when the slot is published.
//
// A state of zero is a slot that a writer reserved before it died. Times are ns on
// CLOCK_MONOTONIC of the host, or on the clock of the bubble in virtual time. Only a
// KindAppended has the broker's timestamp. Topics are numbered by the run, incarnations
// in the order of their start. The manifest of saved files (ledger.json, see package
// engine) names both.
//
// After its slots a sealed file has a CRC-32C for each block of 1,024 slots, four
// bytes each, filled with zeros to a whole slot. A footer of 64 bytes ends it: "stampede
// ledger 1 sealed", the number of slots in eight bytes, zeros, and the words again.
// A file without a footer is what a killed writer left. [Seal] cuts its unused end and
// counts its torn slots. The manifest has the SHA-256 of each seal ([Reader.Digest]),
// so that a journal of another run is refused.
// A journal may have a file of frames with parts that its writer had not brought in
// yet (frames.go). Sealing brings them in and removes that file.
//
// The version goes up with every change that gives old files another meaning. A new
// kind or flag is no such change: readers skip unknown kinds. A file of another version
// is refused.
//
// The package imports nothing else of Stampede: everything stands on it.
package ledger
