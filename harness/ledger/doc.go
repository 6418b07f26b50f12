// Package ledger is the memory of a run: what was sent, attempted, committed
// and owned, when, and by whom.
//
// Every fact is a 64-byte [Slot] in an append-only file. The harness writes
// one file for its sends, one for what it observes, one for the final read of
// the log, each with a [Writer]; an incarnation of a pod writes its own for its
// attempts, a [Journal], which has what is open in shared memory maps, so all that
// was published before a SIGKILL is there afterwards. [Stream] merges them into one
// sequence of [Event] in time order, which is what the oracle judges and the
// measures count.
//
// # The format, version 1
//
// A file is a sequence of slots, little endian, field by field as [Slot] has
// them; what a field means depends on the slot's [Kind]. The first eight bytes of
// a slot are its state: the kind in bits 0-7, the [Outcome] in bits 8-15, the
// [Owner] in bits 16-31, the number of the call of an attempt in bits 32-62
// ([Slot.Call]), and bit 63 once the slot is published; a slot whose state
// is zero was reserved by a writer that died and says nothing. Times are ns on
// CLOCK_MONOTONIC of the host that made them (of the bubble, in virtual time), but
// for Start of a KindAppended, which is the broker's stamp. Topics are numbered by
// the run, incarnations in the order of their start; the manifest beside saved
// files (ledger.json, see package engine) names both.
//
// A sealed file goes on behind its slots with a CRC-32C for each block of 1,024
// slots, four bytes each, filled with zeros to a whole slot, and ends in a footer
// of 64 bytes: "stampede ledger 1 sealed", the number of slots in eight bytes,
// zeros, and the same words again. A file without the footer is what a killed
// writer left: its unused end is cut, what is torn is counted ([Seal]).
// The manifest keeps the SHA-256 of the seal of each ([Reader.Digest]), so that a
// journal of another run is not taken for one of this.
// Beside it there may be a file of frames, with parts of the journal that the
// writer had not brought in yet (frames.go); sealing does that and removes it.
//
// The version counts up with any change that makes old files mean something
// else; a new kind or flag does not, as readers pass over kinds they do not know.
//
// The package imports nothing else of Stampede: everything stands on it.
package ledger
