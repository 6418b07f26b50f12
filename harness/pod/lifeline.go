package pod

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
)

// lifelineFD is the descriptor of a pod's lifeline, a pair of sockets. The end of file says
// that the harness has ended. Both sides send messages of nine bytes: what it is, and a number,
// little endian.
const lifelineFD = 3

// The messages on the lifeline.
const (
	sayLoadStart byte = 'L' // sayLoadStart has the [Spec.LoadStart] that was not known when the pod started.
	sayHold      byte = 'H' // sayHold lets an attempt wait. The number is that of the hold, and in the lowest byte the point.
	sayRelease   byte = 'G' // sayRelease lets the attempt of a hold go on.
	sayReached   byte = 'R' // sayReached is from the pod: an attempt waits at the point of a hold.
)

const messageSize = 9

func writeMessage(w io.Writer, what byte, number uint64) error {
	_, err := w.Write(binary.LittleEndian.AppendUint64([]byte{what}, number))
	return err
}

func readMessage(r io.Reader) (what byte, number uint64, err error) {
	var m [messageSize]byte
	_, err = io.ReadFull(r, m[:])
	return m[0], binary.LittleEndian.Uint64(m[1:]), err
}

// openLifeline returns the two ends of a lifeline.
func openLifeline() (harnessEnd, podEnd *os.File, err error) {
	syscall.ForkLock.RLock()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(ends[0])
		unix.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("open a lifeline: %w", err)
	}
	err = unix.SetNonblock(ends[0], true) // so that its end in the harness can be closed during a read
	return os.NewFile(uintptr(ends[0]), "lifeline"), os.NewFile(uintptr(ends[1]), "lifeline of a pod"), err
}

// followLifeline obeys the harness, and ends the process at once when the harness has ended.
func followLifeline(hold *workHold, loadStart func(int64), die func(int, error)) {
	syscall.CloseOnExec(lifelineFD)
	lifeline := os.NewFile(lifelineFD, "lifeline")
	var current uint64
	release := func() {}
	for {
		what, number, err := readMessage(lifeline)
		switch {
		case errors.Is(err, syscall.EBADF):
			die(exitClosed, fmt.Errorf("the pipe to the harness is closed in this process: %w", err))
		case err != nil:
			die(exitOrphaned, fmt.Errorf("the harness has ended: %w", err))
		case what == sayLoadStart:
			loadStart(int64(number))
		case what == sayHold:
			release()
			current = number
			release = hold.arm(harness.WorkPoint(number), func() { _ = writeMessage(lifeline, sayReached, number) }).release
		case what == sayRelease && number == current:
			release()
		}
	}
}

// podHolds are the holds that the harness has asked a process for. Safe for many goroutines.
type podHolds struct {
	mu      sync.Mutex
	last    uint64
	reached map[uint64]func()
}

// add returns the number of a new hold.
func (h *podHolds) add(at harness.WorkPoint, reached func()) (number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reached == nil {
		h.reached = map[uint64]func(){}
	}
	h.last++
	number = h.last<<8 | uint64(at)
	h.reached[number] = reached
	return number
}

// remove forgets a hold, and returns its function; nil if the hold is unknown.
func (h *podHolds) remove(number uint64) (reached func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	reached = h.reached[number]
	delete(h.reached, number)
	return reached
}

// readReports calls the function of each hold that the pod has reached, until the lifeline closes.
func (p *process) readReports() {
	for {
		what, number, err := readMessage(p.lifeline)
		if err != nil {
			return
		}
		if reached := p.holds.remove(number); what == sayReached && reached != nil {
			reached()
		}
	}
}

// holdWork asks the process for a hold.
func (p *process) holdWork(at harness.WorkPoint, reached func()) (release func()) {
	number := p.holds.add(at, reached)
	_ = writeMessage(p.lifeline, sayHold, number) // an error means that the process has ended
	return func() {
		p.holds.remove(number)
		_ = writeMessage(p.lifeline, sayRelease, number)
	}
}
