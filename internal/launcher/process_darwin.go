package launcher

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// readProcess returns the name of a process, and its parent.
func readProcess(id int) (name string, parent int, err error) {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", id)
	if err != nil {
		return "", 0, fmt.Errorf("read process %d: %w", id, err)
	}
	return unix.ByteSliceToString(p.Proc.P_comm[:]), int(p.Eproc.Ppid), nil
}
