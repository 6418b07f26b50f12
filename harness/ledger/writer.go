package ledger

import (
	"fmt"
	"hash/crc32"
	"os"
	"unsafe"
)

// Writer writes a journal that only its own process reads, so the journal need not
// survive it. It writes complete facts from ordinary memory, a block at a time, with
// their checksums. That saves what a [Journal] needs: frames, a published word for each
// slot, and a second reading for the checksums. Close seals the file, which is
// useless before. Not safe for concurrent use.
type Writer struct {
	file  *os.File
	slots []Slot // of the block that is not full yet
	n     int64  // slots written
	sums  []uint32
	err   error // the first failure, which is final

	floors Floors
}

// NewWriter makes a journal at path, which must not exist.
func NewWriter(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	return &Writer{file: f, slots: make([]Slot, 0, blockSlots)}, nil
}

// Append adds a fact. An error, most often a full disk, is final.
func (w *Writer) Append(s Slot) error {
	switch {
	case w.err != nil:
		return w.err
	case w.file == nil:
		return fmt.Errorf("write journal: %w", os.ErrClosed)
	}
	w.slots = append(w.slots, s)
	if len(w.slots) == blockSlots {
		w.err = w.writeBlock()
	}
	return w.err
}

// writeBlock writes the block begun, full or not.
func (w *Writer) writeBlock() error {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w.slots))), len(w.slots)*SlotSize)
	if _, err := w.file.Write(raw); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	w.sums = append(w.sums, crc32.Checksum(raw, castagnoli))
	w.floors = w.floors.withBlock(w.slots)
	w.n += int64(len(w.slots))
	w.slots = w.slots[:0]
	return nil
}

// Floors are those of what was written. Close must have returned.
func (w *Writer) Floors() Floors { return w.floors }

// Close writes what is left, seals the file and closes it. Its error is the
// first that there was. Further calls only repeat it.
func (w *Writer) Close() error {
	if w.file == nil {
		return w.err
	}
	if w.err == nil && len(w.slots) > 0 {
		w.err = w.writeBlock()
	}
	if w.err == nil {
		if _, err := w.file.WriteAt(sealOf(w.n, w.sums), w.n*SlotSize); err != nil {
			w.err = fmt.Errorf("seal journal: %w", err)
		}
	}
	if err := w.file.Close(); err != nil && w.err == nil {
		w.err = fmt.Errorf("close journal: %w", err)
	}
	w.file = nil
	return w.err
}
