package pod

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// processAttributes put a pod into a process group of its own. The kernel kills the
// pod when the thread that started it ends.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// allThreadsStopped reports whether all threads of a process are stopped.
func allThreadsStopped(pid int) bool {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return false
	}
	for _, task := range tasks {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", pid, task.Name()))
		// The name of the thread, in parentheses, may hold anything.
		if i := bytes.LastIndexByte(stat, ')'); err != nil || i < 0 || !bytes.HasPrefix(stat[i:], []byte(") T")) {
			return false
		}
	}
	return len(tasks) > 0
}

// isHalted reports whether a signal has stopped a process.
func isHalted(pid int) bool { return allThreadsStopped(pid) }

// readPeakMemory is the largest resident set of a process since its exec, in bytes; 0
// after its end. The ru_maxrss of its rusage is no substitute: it starts at the peak of
// the process that forked it.
func readPeakMemory(pid int) int64 { return readStatusSize(pid, "VmHWM") }

// readResidentMemory is the resident set of a process now, in bytes; 0 after its end.
func readResidentMemory(pid int) int64 { return readStatusSize(pid, "VmRSS") }

// readStatusSize is a size in /proc/PID/status, in bytes; 0 after the end of the process.
func readStatusSize(pid int, name string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, found := bytes.Cut(status, []byte("\n"+name+":"))
	if !found {
		return 0
	}
	fields := bytes.Fields(rest[:max(bytes.IndexByte(rest, '\n'), 0)])
	if len(fields) != 2 || string(fields[1]) != "kB" {
		return 0
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// readCPUTime is the time on processors that a process has used. Each process has a clock
// for that; the kernel makes the number of the clock from that of the process
// (clock_getcpuclockid(3)).
func readCPUTime(pid int) (time.Duration, error) {
	const schedClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(^int32(pid)<<3|schedClock, &t); err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
