package ledger

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	windowShift  = 12               // of windowSlots
	windowSlots  = 1 << windowShift // slots mapped at a time
	smallShift   = 8                // the same of a small journal
	allocWindows = 16               // windows allocated on disk at a time
)

// Journal is an append-only file of slots that survives the SIGKILL of its
// writer: slots lie in a shared memory map, over space that was allocated
// before it was mapped (writing to a hole on a full disk would be SIGBUS). It is
// safe for many goroutines and takes a lock only once per window of 4,096
// slots. A window is unmapped when its last slot is finished, so that the memory
// of a long run stays bounded by the work in flight.
type Journal struct {
	file  *os.File
	shift uint // of the slots of a window
	next  atomic.Int64

	mu      sync.Mutex
	windows atomic.Pointer[[]*window] // copied on write, under mu
	err     error                     // the first failure, for good, under mu
	closed  bool
}

// window is a mapped part of the file. left counts the slots not finished yet.
type window struct {
	mem  []byte
	left atomic.Int64
}

// Create makes a journal at path, which must not exist.
func Create(path string) (*Journal, error) { return createJournal(path, windowShift) }

// CreateSmall makes a journal for few slots, of which there are many: it maps
// and allocates a sixteenth at a time. The file is the same.
func CreateSmall(path string) (*Journal, error) { return createJournal(path, smallShift) }

func createJournal(path string, shift uint) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	j := &Journal{file: f, shift: shift}
	j.windows.Store(&[]*window{})
	if _, err := j.window(0); err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// Add appends s and returns it in place, published as open. The caller must
// hand it to [Journal.Finish] once, and may not touch it afterwards. An error,
// most often a full disk, is for good.
func (j *Journal) Add(s Slot) (*Slot, error) {
	n := j.next.Add(1) - 1
	w, err := j.window(n >> j.shift)
	if err != nil {
		return nil, err
	}
	at := (*Slot)(unsafe.Pointer(&w.mem[(n&(1<<j.shift-1))*SlotSize]))
	state := s.state
	s.state = 0
	*at = s
	atomic.StoreUint64(&at.state, state)
	return at, nil
}

// Finish completes a slot in place: from the return of this call on its end
// and outcome survive the death of the process.
func (j *Journal) Finish(s *Slot, end int64, o Outcome) {
	s.End = end
	atomic.StoreUint64(&s.state, stateOf(s.Kind(), o, s.Owner()))
	j.release(s)
}

// Append adds a fact that is complete as it is.
func (j *Journal) Append(s Slot) error {
	at, err := j.Add(s)
	if err != nil {
		return err
	}
	j.release(at)
	return nil
}

// release unmaps the slot's window if it was the last one in use there.
func (j *Journal) release(s *Slot) {
	at := uintptr(unsafe.Pointer(s))
	ws := *j.windows.Load()
	for i := len(ws) - 1; i >= 0; i-- { // the windows in use are the last few
		w := ws[i]
		if w == nil || w.mem == nil {
			continue
		}
		from := uintptr(unsafe.Pointer(&w.mem[0]))
		if at < from || at >= from+uintptr(len(w.mem)) {
			continue
		}
		if w.left.Add(-1) == 0 {
			j.unmap(i)
		}
		return
	}
}

func (j *Journal) unmap(i int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	ws := append([]*window(nil), *j.windows.Load()...)
	w := ws[i]
	ws[i] = nil
	j.windows.Store(&ws)
	if w != nil {
		unix.Munmap(w.mem)
	}
}

// window returns window i, mapping all up to it.
func (j *Journal) window(i int64) (*window, error) {
	if ws := *j.windows.Load(); i < int64(len(ws)) {
		return ws[i], nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for {
		ws := *j.windows.Load()
		if i < int64(len(ws)) {
			return ws[i], nil
		}
		if j.err == nil {
			j.err = j.grow(ws)
		}
		if j.err != nil {
			return nil, j.err
		}
	}
}

// grow maps one more window. The caller holds mu.
func (j *Journal) grow(ws []*window) error {
	if j.closed {
		return fmt.Errorf("journal %s: %w", j.file.Name(), os.ErrClosed)
	}
	size := int64(SlotSize) << j.shift
	from := int64(len(ws)) * size
	if len(ws)%allocWindows == 0 {
		if err := allocate(j.file, from, allocWindows*size); err != nil {
			return fmt.Errorf("journal %s: allocate %d bytes: %w", j.file.Name(), allocWindows*size, err)
		}
	}
	mem, err := unix.Mmap(int(j.file.Fd()), from, int(size), unix.PROT_READ|unix.PROT_WRITE, mapFlags)
	if err != nil {
		return fmt.Errorf("journal %s: map: %w", j.file.Name(), err)
	}
	w := &window{mem: mem}
	w.left.Store(1 << j.shift)
	grown := append(append(make([]*window, 0, len(ws)+1), ws...), w)
	j.windows.Store(&grown)
	return nil
}

// Close unmaps and closes the file. No other call may be under way or follow;
// slots not finished stay open for good.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	for _, w := range *j.windows.Load() {
		if w != nil {
			unix.Munmap(w.mem)
		}
	}
	j.windows.Store(&[]*window{})
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}
