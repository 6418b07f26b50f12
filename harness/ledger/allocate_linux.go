package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFlags have the pages of a map brought in as it is mapped, in one go: page by
// page, at the first write to each, they cost more than all else in a slot.
const mapFlags = unix.MAP_SHARED | unix.MAP_POPULATE

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
