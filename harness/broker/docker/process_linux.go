package docker

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// identifyKernel returns the boot of this kernel and the namespaces of this process.
func identifyKernel() (boot, namespaces string, err error) {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return "", "", err
	}
	if self != strconv.Itoa(os.Getpid()) {
		return "", "", errors.New("/proc belongs to another namespace")
	}
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", "", err
	}
	pids, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", "", err
	}
	clock, err := os.Readlink("/proc/self/ns/time")
	if err != nil && !errors.Is(err, os.ErrNotExist) { // older kernels have none
		return "", "", err
	}
	return strings.TrimSpace(string(id)), pids + clock, nil
}

// processStart returns when a process started, in clock ticks since the boot.
func processStart(pid int) (string, error) {
	// Other users' processes may be hidden in /proc, but not from kill.
	if err := unix.Kill(pid, 0); err == unix.ESRCH {
		return "", errNoProcess
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name of the program is in parentheses, and may have any characters.
	const state, start = 0, 19
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) <= start {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	if fields[state] == "Z" || fields[state] == "X" {
		return "", errNoProcess // it has ended, and its parent has not noticed
	}
	return fields[start], nil
}

// bootTime returns when this kernel started.
func bootTime() (time.Time, error) {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return time.Time{}, err
	}
	return time.Now().Add(-time.Duration(up.Nano())), nil
}
