//go:build !linux

package pod

import (
	"errors"
	"syscall"
	"time"
)

// processAttributes put a pod into a process group of its own. Only the lifeline ends
// the pod with the harness.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// allThreadsStopped trusts the signal: this system does not report it.
func allThreadsStopped(int) bool { return true }

// isHalted is false: this system does not report it.
func isHalted(int) bool { return false }

// readPeakMemory is 0: this system does not report it.
func readPeakMemory(int) int64 { return 0 }

// readResidentMemory is 0: this system does not report it.
func readResidentMemory(int) int64 { return 0 }

// readCPUTime fails: this system does not report it.
func readCPUTime(int) (time.Duration, error) {
	return 0, errors.New("this system does not tell the CPU time of another process")
}
