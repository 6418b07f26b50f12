package ledger

import (
	"fmt"
	"io"
	"os"
	"sync"
	"unsafe"
)

// Tail follows a journal whose writer, another process, still writes. It shows the
// progress, and when all work has ended. Its numbers can lag behind the truth, so
// verdicts come from the replay. Safe for one goroutine.
type Tail struct {
	file    *os.File
	frames  *frameReader // frames is nil where the journal has none.
	buf     []byte       // buf is one of tailBuffers during a poll.
	scanned int64        // slots looked at
	open    []int64      // of those, the ones not finished, or not published
}

// fewSlots is how many are read first: mostly there are no more.
const fewSlots = 32

// tailBuffers are blocks for polls. A run may follow hundreds of journals.
var tailBuffers = sync.Pool{New: func() any { b := alignedBlock(); return &b }}

// Follow opens the journal at path for tailing.
func Follow(path string) (*Tail, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("follow journal: %w", err)
	}
	frames, err := openFrames(path)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("follow journal: %w", err)
	}
	return &Tail{file: f, frames: frames}, nil
}

// Poll calls fn for each slot finished since the last Poll and returns the
// number of those begun and not finished.
func (t *Tail) Poll(fn func(*Slot)) (open int, err error) {
	buf := tailBuffers.Get().(*[]byte)
	defer tailBuffers.Put(buf)
	t.buf = *buf
	if t.frames != nil {
		if err := t.frames.refresh(); err != nil {
			return 0, fmt.Errorf("follow journal %s: %w", t.file.Name(), err)
		}
	}
	still := t.open[:0]
	for _, n := range t.open {
		slots, err := t.readSlots(n, 1)
		if err != nil {
			return 0, err
		}
		if len(slots) == 0 || !passFinished(&slots[0], fn) {
			still = append(still, n)
		}
	}
	t.open = still
	for n := fewSlots; ; n = blockSlots {
		slots, err := t.readSlots(t.scanned, n)
		if err != nil {
			return 0, err
		}
		used := lastUsed(slots)
		for i := range slots[:used] {
			if !passFinished(&slots[i], fn) {
				t.open = append(t.open, t.scanned+int64(i))
			}
		}
		t.scanned += int64(used)
		if used < len(slots) || len(slots) == 0 {
			return len(t.open), nil
		}
	}
}

func passFinished(s *Slot, fn func(*Slot)) bool {
	if s.Kind() == 0 || s.Outcome() == OutcomeOpen {
		return false
	}
	fn(s)
	return true
}

// lastUsed is how many of the slots lie before the unused rest of the file. A
// slot reserved and not published yet may lie before published ones.
func lastUsed(slots []Slot) int {
	for i := len(slots) - 1; i >= 0; i-- {
		if slots[i].Kind() != 0 {
			return i + 1
		}
	}
	return 0
}

// readSlots reads up to n slots, and no fewer than are there in the block of the first.
func (t *Tail) readSlots(from int64, n int) ([]Slot, error) {
	if t.frames != nil {
		n = min(n, int(blockSlots-from%blockSlots))
		raw := t.buf[:n*SlotSize]
		if ok, err := t.frames.readMapping(raw, from/blockSlots, from%blockSlots*SlotSize); err != nil {
			return nil, fmt.Errorf("follow journal %s: %w", t.file.Name(), err)
		} else if ok {
			return unsafe.Slice((*Slot)(unsafe.Pointer(&raw[0])), n), nil
		}
		if from/blockSlots >= t.frames.begun { // it may be half written
			return nil, nil
		}
	}
	got, err := t.file.ReadAt(t.buf[:n*SlotSize], from*SlotSize)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("follow journal %s: %w", t.file.Name(), err)
	}
	return unsafe.Slice((*Slot)(unsafe.Pointer(&t.buf[0])), got/SlotSize), nil
}

// Close closes the file.
func (t *Tail) Close() error {
	if t.frames != nil {
		t.frames.closeFile()
	}
	return t.file.Close()
}
