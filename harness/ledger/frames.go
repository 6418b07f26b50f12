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

// A journal's windows lie in frames while slots of theirs are open: maps of a
// second file, the frame file, each of a page that says in its first eight bytes
// which window lies there (one more than its number, 0 for none) and the slots of
// one window. The eight bytes behind those say, in the first frame, how many
// windows had a frame so far. When all slots of a window are finished it is written
// to its place in the journal, and the frame serves the next. So memory is mapped once and
// stays in the processor's caches, where a fresh page of a mapped file would cost
// a fault, a block of the file system and an unmapping for every 64 slots.
//
// A killed writer leaves the frame file behind, and with it what the journal does
// not have yet. Where both have a window they agree, or the journal's is not
// whole: the frame counts.
const (
	frameHead = 4096
	frameSize = frameHead + blockSize
	framesExt = ".frames"
)

// frames are the frame file of a writer.
type frames struct {
	file  *os.File
	n     int64    // frames mapped so far
	free  [][]byte // maps of those without a window, their slots empty
	begun *int64   // windows that had a frame so far, in the first frame
}

func createFrames(journal string) (*frames, error) {
	f, err := os.OpenFile(journal+framesExt, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	return &frames{file: f}, nil
}

// take gives a frame to a window. From then on readers look for it there.
func (f *frames) take(window int64) ([]byte, error) {
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
	setWindow(frame, window)
	atomic.StoreInt64(f.begun, window+1)
	return frame, nil
}

// setWindow says what lies in a frame; -1 is nothing.
func setWindow(frame []byte, window int64) {
	atomic.StoreInt64((*int64)(unsafe.Pointer(&frame[0])), window+1)
}

// close unmaps the frames that have no window and removes the file.
func (f *frames) close() error {
	for _, frame := range f.free {
		unix.Munmap(frame)
	}
	f.free = nil
	return errors.Join(f.file.Close(), os.Remove(f.file.Name()))
}

// frameReader finds windows in the frame file of a journal, whose writer may be
// alive.
type frameReader struct {
	file  *os.File
	head  [2]int64
	at    map[int64]int64 // place in the file of the slots of each window
	begun int64           // windows that had a frame before the last look
}

// openFrames opens the frame file of the journal at path; it is nil if there is none.
func openFrames(journal string) (*frameReader, error) {
	f, err := os.Open(journal + framesExt)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &frameReader{file: f, at: map[int64]int64{}}, nil
}

// look finds out which windows have a frame now. Of those begun the others are
// whole in the journal; those not begun may be on their way there.
func (r *frameReader) look() error {
	clear(r.at)
	if _, err := r.window(0); err != nil && err != io.EOF {
		return err
	}
	r.begun = r.head[1]
	for from := int64(0); ; from += frameSize {
		window, err := r.window(from)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if window >= 0 {
			r.at[window] = from + frameHead
		}
	}
}

// window is what lies in the frame at from, -1 for nothing.
func (r *frameReader) window(from int64) (int64, error) {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&r.head)), 16)
	if _, err := r.file.ReadAt(raw, from); err != nil {
		return 0, err
	}
	return r.head[0] - 1, nil
}

// read reads slots of a window from its frame into raw, from an offset within
// the window; ok is false if it has none, or has none any more: then the journal
// has it whole.
func (r *frameReader) read(raw []byte, window, offset int64) (ok bool, err error) {
	at, ok := r.at[window]
	if !ok {
		return false, nil
	}
	if _, err := r.file.ReadAt(raw, at+offset); err != nil {
		return false, err
	}
	still, err := r.window(at - frameHead)
	if still != window {
		delete(r.at, window)
	}
	return still == window, err
}

// has reports whether a window had a frame at the last look.
func (r *frameReader) has(window int64) bool { _, ok := r.at[window]; return ok }

func (r *frameReader) close() error { return r.file.Close() }
