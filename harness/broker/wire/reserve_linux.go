package wire

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ReservePort binds a free port of the loopback address without listening on it. A
// listener with SO_REUSEADDR, as Go sets it, can share the address. No other
// socket can, and the kernel gives the port to no outgoing connection. So a node
// finds its port free when it comes back. A client that keeps trying to reach
// the node never connects to itself.
func ReservePort() (addr string, release func() error, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return "", nil, os.NewSyscallError("setsockopt", err)
	}
	loopback := [4]byte{127, 0, 0, 1}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback}); err != nil {
		return "", nil, os.NewSyscallError("bind", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return "", nil, os.NewSyscallError("getsockname", err)
	}
	bound, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return "", nil, fmt.Errorf("bound to %T, want an IPv4 address", name)
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.Port), func() error { return unix.Close(fd) }, nil
}
