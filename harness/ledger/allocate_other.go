//go:build !linux

package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

const mapFlags = unix.MAP_SHARED

// allocate writes zeros, so that a full disk is an error here and no SIGBUS at
// the first write to the map.
func allocate(f *os.File, from, size int64) error {
	_, err := f.WriteAt(make([]byte, size), from)
	return err
}
