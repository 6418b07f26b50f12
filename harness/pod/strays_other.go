//go:build !linux

package pod

// markProcess does nothing: only the process group of a pod is known on this system.
func markProcess(mark) {}

// findMarked finds nothing on this system.
func findMarked(func(mark) bool) []stray { return nil }

// readMark finds no mark on this system.
func readMark(int) (mark, bool) { return 0, false }

// readStartTime is not known on this system.
func readStartTime(int) (uint64, bool) { return 0, false }

// readCommand is not known on this system.
func readCommand(int) string { return "its command is unknown" }
