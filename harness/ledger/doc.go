// Package ledger is the memory of a run: what was sent, attempted, committed and
// owned, when, and by which pod.
//
// Every fact is a 64-byte [Slot] in an append-only file. The harness writes
// its sends, its observations and the final read of the log, each into a file of
// a [Writer]. An incarnation of a pod writes a
// [Journal] of its attempts. A Journal keeps open slots in shared memory
// mappings, so that everything published before a SIGKILL is there afterwards.
// [Stream] merges all files into one sequence of [Event] in time order. The
// oracle judges these events, and the measures count them.
//
// # The format, version 1
//
// A file is a sequence of slots, little endian, field by field as [Slot] has
// them. The slot's [Kind] says what a field means. The first eight bytes of a
// slot are its state:
//
// - bits 0-7: the kind
// - bits 8-15: the [Outcome]
// - bits 16-31: the [Owner]
// - bits 32-62: the number of the call of an attempt ([Slot.Call])
// - bit 63: set once the slot is published
//
// A slot whose state is zero was reserved by a writer that died. It says
// nothing.
//
// Times are ns on CLOCK_MONOTONIC of the host, or of the bubble in virtual time.
// Only Start of a KindAppended is the broker's timestamp. Topics are numbered by
// the run, incarnations in the order of their start. The manifest of a saved
// ledger (ledger.json, see package engine) names both.
//
// A sealed file has more after its slots. First comes a CRC-32C for each block
// of 1,024 slots, four bytes each, filled with zeros to a whole slot. A footer
// of 64 bytes ends the file: "stampede ledger 1 sealed", the number of slots in
// eight bytes, zeros, and the same words again. A file without the footer was
// left by a killed writer. [Seal] cuts its unused end and counts torn slots. The
// manifest has the SHA-256 of each seal ([Reader.Digest]), so that a journal of
// another run is detected.
//
// Next to a journal there may be a file of frames. It has parts of the journal
// that the writer had not brought in yet (frames.go). Seal brings them in and
// removes the file.
//
// A change that gives old files another meaning raises the version. A new kind
// or flag does not: readers skip kinds that they do not know.
//
// The package imports no other package of Stampede, since all others build on
// it.
package ledger
