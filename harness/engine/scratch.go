package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/pod"
)

const (
	scratchPrefix = "stampede-run-"
	scratchLock   = "lock"
)

// scratch is the folder of one run. The run holds a lock on a file in it (flock). So
// [Sweep] can tell the folder of a running run from one whose harness was killed.
type scratch struct {
	dir  string
	lock *os.File
	keep bool // keep: the folder stays after the run
}

func newScratch() (*scratch, error) {
	dir, err := os.MkdirTemp("", scratchPrefix)
	if err != nil {
		return nil, fmt.Errorf("folder of the run: %w", err)
	}
	lock, err := os.Create(filepath.Join(dir, scratchLock))
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("folder of the run: %w", err), os.RemoveAll(dir))
	}
	return &scratch{dir: dir, lock: lock}, nil
}

// removeScratch removes the folder. If the folder is to be kept, it removes only the lock
// file, so that [Sweep] ignores the folder.
func (s *scratch) removeScratch() error {
	if s.keep {
		return errors.Join(os.Remove(s.lock.Name()), s.lock.Close())
	}
	return errors.Join(os.RemoveAll(s.dir), s.lock.Close())
}

// Sweep ends and removes what is left of runs whose harness was killed: processes that
// consumers had started, and folders. It returns the names of processes that it could
// not end. A folder that it cannot remove stays for the next time.
func Sweep() (left []string) {
	left = pod.EndOrphans()
	sweepFolders()
	return left
}

func sweepFolders() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*"))
	if err != nil {
		return // the pattern is a constant
	}
	for _, dir := range dirs {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() {
			sweepFolder(dir)
		}
	}
}

// sweepFolder removes the folder of a run unless a process holds its lock. What is no
// regular file is no lock, and the open of a FIFO would block.
func sweepFolder(dir string) {
	lock, err := os.OpenFile(filepath.Join(dir, scratchLock), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return // it was created just now
	}
	defer lock.Close()
	if info, err := lock.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	}
	if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		os.RemoveAll(dir)
	}
}
