package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves space on disk, so that a full disk is an error here and no
// SIGBUS at the first write to the map.
func allocate(f *os.File, from, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, from, size)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EOPNOTSUPP { // a file system without it: write the zeros
			_, err = f.WriteAt(make([]byte, size), from)
		}
		return err
	}
}
