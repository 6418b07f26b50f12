package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/reports"
)

// openOut makes the folder of the reports and tries to write into it. It removes what
// comparisons that were killed have left half written.
func openOut(dir string) error {
	if err := checkWritable(dir); err != nil {
		return fmt.Errorf("OUT is not writable: %w", err)
	}
	if claimFolder(dir) {
		reports.RemovePartial(dir)
		engine.RemovePartial(filepath.Join(dir, ledgersName))
	}
	return nil
}

func checkWritable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".try-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// claimFolder takes a shared lock of a folder, which this process holds to its end. It
// reports whether no other comparison writes there.
func claimFolder(dir string) (alone bool) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	alone = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil
	return unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) == nil && alone
}
