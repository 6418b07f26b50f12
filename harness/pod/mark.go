package pod

import (
	"os"
	"sync/atomic"
)

// mark is a number that all processes of an incarnation have in common: the pod, and the
// processes that its consumer starts. It outlasts what a process can leave: its parent,
// its process group, its session, its environment. So the harness finds them all when
// the pod has ended, and the next start finds those of a harness that was killed.
//
// On Linux the mark is the soft limit on file locks (RLIMIT_LOCKS). The kernel hands it
// down by fork and exec, shows it in /proc/PID/limits, and has not used it since Linux
// 2.4. A process without privileges may set it. A process that sets this limit again is
// not found. Other systems have no mark.
//
// From the top: a 1, 22 bits for the process id of the harness, 24 for its start time, and
// 16 for the incarnation.
type mark uint64

const (
	markBit       = 1 << 62
	markPidBits   = 22 // the kernel's greatest process id is 1<<22
	markStartBits = 24
	markCountBits = 16
)

// incarnationsMarked counts the marks of this process.
var incarnationsMarked atomic.Uint64

// newMark is the mark of a new incarnation of this harness; 0 for none, if the system
// does not tell when this process started.
func newMark() mark {
	start, ok := readStartTime(os.Getpid())
	if !ok {
		return 0
	}
	count := incarnationsMarked.Add(1) % (1 << markCountBits)
	return markBit | harnessBits(os.Getpid(), start) | mark(count)
}

// harnessBits are the bits that marks of one harness have in common.
func harnessBits(pid int, start uint64) mark {
	return mark(pid)<<(markStartBits+markCountBits) | mark(start%(1<<markStartBits))<<markCountBits
}

// harnessPid is the process id of the harness that made the mark.
func (m mark) harnessPid() int {
	return int(m >> (markStartBits + markCountBits) % (1 << markPidBits))
}

// isOrphaned reports whether the harness that made the mark has ended.
func (m mark) isOrphaned() bool {
	pid := m.harnessPid()
	start, alive := readStartTime(pid)
	const incarnation = 1<<markCountBits - 1
	return !alive || m&^(markBit|incarnation) != harnessBits(pid, start)
}
