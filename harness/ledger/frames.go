package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A mapping of a journal lies in a frame while slots of it are open. Frames are maps of
// a second file, the frame file. The first page of a frame says in its first eight
// bytes which mapping lies there: one more than its number, 0 for no mapping. The next
// eight bytes, in the first frame only, say how many mappings had a frame so far. The
// slots follow. When all slots of a mapping are finished, it is written to its place in the
// journal, and the frame serves the next mapping. So memory is mapped only once and stays
// in the processor's caches. A fresh page of a mapped file would cost a fault, a block of
// the file system and an unmapping for every 64 slots.
//
// A killed writer leaves the frame file with what the journal does not have yet. Where
// both have a mapping they agree, or the journal's is incomplete: the frame counts.
const (
	frameHead = 4096
	frameSize = frameHead + blockSize
	framesExt = ".frames"
)

// frames are the frame file of a writer.
type frames struct {
	file  *os.File
	n     int64    // frames mapped so far
	free  [][]byte // maps of those without a mapping, their slots empty
	begun *int64   // mappings that had a frame so far, in the first frame
}

func createFrames(journal string) (*frames, error) {
	f, err := os.OpenFile(journal+framesExt, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	return &frames{file: f}, nil
}

// assignFrame gives a frame to a mapping. From then on readers look for it there.
func (f *frames) assignFrame(mapping int64) ([]byte, error) {
	if len(f.free) == 0 {
		if err := allocate(f.file, f.n*frameSize, frameSize); err != nil {
			return nil, fmt.Errorf("allocate %d bytes: %w", frameSize, err)
		}
		mem, err := unix.Mmap(int(f.file.Fd()), f.n*frameSize, frameSize, unix.PROT_READ|unix.PROT_WRITE, mapFlags)
		if err != nil {
			return nil, fmt.Errorf("map: %w", err)
		}
		if f.n++; f.n == 1 {
			f.begun = (*int64)(unsafe.Pointer(&mem[8]))
		}
		f.free = append(f.free, mem)
	}
	last := len(f.free) - 1
	frame := f.free[last]
	f.free = f.free[:last]
	setMapping(frame, mapping)
	atomic.StoreInt64(f.begun, mapping+1)
	return frame, nil
}

// setMapping says what lies in a frame; -1 is nothing.
func setMapping(frame []byte, mapping int64) {
	atomic.StoreInt64((*int64)(unsafe.Pointer(&frame[0])), mapping+1)
}

// removeFile unmaps the frames that have no mapping and removes the file.
func (f *frames) removeFile() error {
	for _, frame := range f.free {
		unix.Munmap(frame)
	}
	f.free = nil
	return errors.Join(f.file.Close(), os.Remove(f.file.Name()))
}

// frameReader finds mappings in the frame file of a journal, whose writer may be
// alive.
type frameReader struct {
	file  *os.File
	head  [2]int64
	at    map[int64]int64 // place in the file of the slots of each mapping
	begun int64           // mappings that had a frame before the last look
}

// openFrames opens the frame file of the journal at path; it is nil if there is none.
func openFrames(journal string) (*frameReader, error) {
	f, err := OpenFile(journal + framesExt)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &frameReader{file: f, at: map[int64]int64{}}, nil
}

// refresh finds out which mappings have a frame now. Of those begun the others are
// whole in the journal; those not begun may be on their way there.
func (r *frameReader) refresh() error {
	clear(r.at)
	if _, err := r.mappingIn(0); err != nil && err != io.EOF {
		return err
	}
	r.begun = r.head[1]
	for from := int64(0); ; from += frameSize {
		mapping, err := r.mappingIn(from)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if mapping >= 0 {
			r.at[mapping] = from + frameHead
		}
	}
}

// mappingIn is what lies in the frame at from, -1 for nothing.
func (r *frameReader) mappingIn(from int64) (int64, error) {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&r.head)), 16)
	if _, err := r.file.ReadAt(raw, from); err != nil {
		return 0, err
	}
	return r.head[0] - 1, nil
}

// readMapping reads slots of a mapping from its frame into raw, from an offset within
// the mapping; ok is false if it has none, or has none any more: then the journal
// has it whole.
func (r *frameReader) readMapping(raw []byte, mapping, offset int64) (ok bool, err error) {
	at, ok := r.at[mapping]
	if !ok {
		return false, nil
	}
	if _, err := r.file.ReadAt(raw, at+offset); err != nil {
		return false, err
	}
	still, err := r.mappingIn(at - frameHead)
	if still != mapping {
		delete(r.at, mapping)
	}
	return still == mapping, err
}

// hasMapping reports whether a mapping had a frame at the last look.
func (r *frameReader) hasMapping(mapping int64) bool { _, ok := r.at[mapping]; return ok }

func (r *frameReader) closeFile() error { return r.file.Close() }
