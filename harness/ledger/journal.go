package ledger

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	mappingShift = 10                // of mappingSlots
	mappingSlots = 1 << mappingShift // slots of a mapping
	smallShift   = 8                 // the same of a small journal
	allocSlots   = 1 << 16           // slots allocated on disk at a time
	allocSmall   = 1 << 12
)

var _ [blockSlots]struct{} = [mappingSlots]struct{}{} // a frame is a block of the file

// Journal is an append-only file of slots that survives the SIGKILL of its writer.
// Open slots lie in shared memory maps until all slots of their mapping are finished. The
// file has space for them before they are mapped: a write to a hole on a full disk
// would be a SIGBUS. A Journal is safe for many goroutines and takes a lock only twice
// for each 1,024 slots. Its memory is bounded by the work in flight.
type Journal struct {
	file   *os.File
	frames *frames // frames is nil in a small journal, whose mappings are maps of the file itself.
	shift  uint    // of the slots of a mapping
	next   atomic.Int64

	mu        sync.Mutex
	mappings  atomic.Pointer[mappings] // copied on write, under mu
	allocated int64                    // bytes of the file, under mu
	err       error                    // the first failure, which is final, under mu
	closed    bool
}

// mappings are those in use: list has mapping number first and what follows, nil
// where all slots are finished.
type mappings struct {
	first int64
	list  []*mapping
}

// mapping is slots that lie in one map. left counts those not finished yet.
type mapping struct {
	number int64
	slots  []byte
	frame  []byte // frame is what the slots lie in, nil in a small journal.
	left   atomic.Int64
}

// Create makes a journal at path, which must not exist.
func Create(path string) (*Journal, error) {
	f, err := createFrames(path) // before the journal: a reader that finds the journal looks for frames only once
	if err != nil {
		return nil, err
	}
	j, err := createJournal(path, mappingShift, f)
	if err != nil {
		f.removeFile()
	}
	return j, err
}

// CreateSmall makes a journal for few slots. It has no frame file and allocates a
// sixteenth of the space at a time. The format is the same.
func CreateSmall(path string) (*Journal, error) { return createJournal(path, smallShift, nil) }

func createJournal(path string, shift uint, fr *frames) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	j := &Journal{file: f, shift: shift, frames: fr}
	j.mappings.Store(&mappings{})
	if _, err := j.mappingAt(0); err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// Reserve appends an empty slot and returns it in place. The caller must fill it
// in, and pass it to [Journal.Publish] and to [Journal.Finish], each once. An
// error, most often a full disk, is final.
func (j *Journal) Reserve() (*Slot, error) {
	return j.slotAt(j.next.Add(1) - 1)
}

// slotAt is the n-th slot, which was reserved.
func (j *Journal) slotAt(n int64) (*Slot, error) {
	w, err := j.mappingAt(n >> j.shift)
	if err != nil {
		return nil, err
	}
	return (*Slot)(unsafe.Pointer(&w.slots[(n&(1<<j.shift-1))*SlotSize])), nil
}

// Publish makes a slot that was reserved and filled in count, as open. The caller
// may not touch it afterwards. call is what [Slot.Call] returns.
func (j *Journal) Publish(s *Slot, k Kind, owner Owner, call uint32) {
	atomic.StoreUint64(&s.state, stateOf(k, OutcomeOpen, owner)|uint64(call&MaxCall)<<32)
}

// Finish completes a slot in place: from the return of this call on its end
// and outcome survive the death of the process.
func (j *Journal) Finish(s *Slot, end int64, o Outcome) {
	s.end = end
	atomic.StoreUint64(&s.state, withOutcome(atomic.LoadUint64(&s.state), o))
	j.releaseSlot(s)
}

// Append adds a fact that is complete as it is.
func (j *Journal) Append(s Slot) error { return j.appendAt(j.next.Add(1)-1, s) }

func (j *Journal) appendAt(n int64, s Slot) error {
	at, err := j.slotAt(n)
	if err != nil {
		return err
	}
	state := s.state
	s.state = 0
	*at = s
	atomic.StoreUint64(&at.state, state)
	j.releaseSlot(at)
	return nil
}

// AppendRun adds facts as neighbours, whatever other goroutines append. The first slot is
// published last: with it, all are there.
func (j *Journal) AppendRun(slots ...Slot) error {
	first := j.next.Add(int64(len(slots))) - int64(len(slots))
	for i := len(slots) - 1; i >= 0; i-- {
		if err := j.appendAt(first+int64(i), slots[i]); err != nil {
			return err
		}
	}
	return nil
}

// releaseSlot retires the slot's mapping if it was the last one in use there.
func (j *Journal) releaseSlot(s *Slot) {
	at := uintptr(unsafe.Pointer(s))
	list := j.mappings.Load().list
	for i := len(list) - 1; i >= 0; i-- { // mostly it is one of the last few
		w := list[i]
		if w == nil {
			continue
		}
		from := uintptr(unsafe.Pointer(unsafe.SliceData(w.slots)))
		if at < from || at >= from+uintptr(len(w.slots)) {
			continue
		}
		if w.left.Add(-1) == 0 {
			j.retireMapping(w)
		}
		return
	}
}

// retireMapping releases a mapping whose slots are all finished. One that could not be
// written stays in its frame.
func (j *Journal) retireMapping(w *mapping) {
	var err error
	if w.frame != nil {
		if _, err = j.file.WriteAt(w.slots, w.number*int64(len(w.slots))); err == nil {
			setMapping(w.frame, -1)
			clear(w.slots)
		}
	} else {
		unix.Munmap(w.slots)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err != nil && j.err == nil:
		j.err = fmt.Errorf("journal %s: %w", j.file.Name(), err)
	case err == nil && w.frame != nil:
		j.frames.free = append(j.frames.free, w.frame)
	}
	old := j.mappings.Load()
	ws := &mappings{first: old.first, list: append([]*mapping(nil), old.list...)}
	ws.list[w.number-ws.first] = nil
	for len(ws.list) > 0 && ws.list[0] == nil {
		ws.first, ws.list = ws.first+1, ws.list[1:]
	}
	j.mappings.Store(ws)
}

// mappingAt returns mapping i, making all up to it.
func (j *Journal) mappingAt(i int64) (*mapping, error) {
	if ws := j.mappings.Load(); i-ws.first < int64(len(ws.list)) {
		return ws.list[i-ws.first], nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for {
		ws := j.mappings.Load()
		if i-ws.first < int64(len(ws.list)) {
			return ws.list[i-ws.first], nil
		}
		if j.err == nil {
			j.err = j.addMapping(ws)
		}
		if j.err != nil {
			return nil, j.err
		}
	}
}

// addMapping makes one more mapping. The caller holds mu.
func (j *Journal) addMapping(ws *mappings) error {
	if j.closed {
		return fmt.Errorf("journal %s: %w", j.file.Name(), os.ErrClosed)
	}
	w, size := &mapping{number: ws.first + int64(len(ws.list))}, int64(SlotSize)<<j.shift
	w.left.Store(1 << j.shift)
	from := w.number * size
	if from >= j.allocated { // also where frames are: what is finished must find room
		more := int64(allocSlots * SlotSize)
		if j.frames == nil {
			more = allocSmall * SlotSize
		}
		if err := allocate(j.file, from, more); err != nil {
			return fmt.Errorf("journal %s: allocate %d bytes: %w", j.file.Name(), more, err)
		}
		j.allocated += more
	}
	var err error
	if j.frames != nil {
		if w.frame, err = j.frames.assignFrame(w.number); err == nil {
			w.slots = w.frame[frameHead:]
		}
	} else {
		w.slots, err = unix.Mmap(int(j.file.Fd()), from, int(size), unix.PROT_READ|unix.PROT_WRITE, mapFlags)
	}
	if err != nil {
		return fmt.Errorf("journal %s: map: %w", j.file.Name(), err)
	}
	j.mappings.Store(&mappings{first: ws.first, list: append(append(make([]*mapping, 0, len(ws.list)+1), ws.list...), w)})
	return nil
}

// Close closes the file, with all slots in it. No other call may run at the
// same time or follow. Unfinished slots stay open.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	var errs error
	for _, w := range j.mappings.Load().list {
		switch {
		case w == nil:
		case w.frame == nil:
			unix.Munmap(w.slots)
		default:
			_, err := j.file.WriteAt(w.slots, w.number*int64(len(w.slots)))
			errs = errors.Join(errs, err)
			if err == nil {
				setMapping(w.frame, -1)
			}
			unix.Munmap(w.frame)
		}
	}
	j.mappings.Store(&mappings{})
	errs = errors.Join(errs, j.file.Close())
	if j.frames != nil && errs == nil {
		errs = j.frames.removeFile()
	}
	if errs != nil {
		return fmt.Errorf("close journal: %w", errs)
	}
	return nil
}
