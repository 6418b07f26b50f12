//go:build !linux

package pod

import "syscall"

// processAttributes put a pod in a process group of its own; the lifeline alone
// ends it with the harness.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// standsStill cannot be asked here: the signal is believed.
func standsStill(int) bool { return true }

// peakMemory is not known here.
func peakMemory(int) int64 { return 0 }
