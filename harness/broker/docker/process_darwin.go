package docker

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// identifyKernel returns the boot of this kernel. This platform has no namespaces.
func identifyKernel() (boot, namespaces string, err error) {
	boot, err = unix.Sysctl("kern.bootsessionuuid")
	return boot, "", err
}

// processStart returns when a process started.
func processStart(pid int) (string, error) {
	if err := unix.Kill(pid, 0); err == unix.ESRCH {
		return "", errNoProcess
	}
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(p.Proc.P_starttime.Nano()), nil
}

// bootTime returns when this kernel started.
func bootTime() (time.Time, error) {
	at, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(at.Unix()), nil
}
