package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	scratchPrefix = "stampede-run-"
	scratchLock   = "lock"
)

// scratch is the folder of one run. While the run lives it holds the lock file
// in it by flock, so that [Sweep] can tell a run that goes on from the rest of
// one whose harness was killed.
type scratch struct {
	dir  string
	lock *os.File
	keep bool // keep says that close leaves the folder, and for good.
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

// close removes the folder and all in it, or of what is to be kept the lock, which
// has [Sweep] pass over it.
func (s *scratch) close() error {
	if s.keep {
		return errors.Join(os.Remove(s.lock.Name()), s.lock.Close())
	}
	return errors.Join(os.RemoveAll(s.dir), s.lock.Close())
}

// Sweep removes the folders of runs whose harness was killed, and nobody
// else's. What cannot be removed stays for the next time.
func Sweep() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*"))
	if err != nil {
		return // the pattern is a constant
	}
	for _, dir := range dirs {
		lock, err := os.Open(filepath.Join(dir, scratchLock))
		if err != nil {
			continue // it has only just been made
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			os.RemoveAll(dir)
		}
		lock.Close()
	}
}
