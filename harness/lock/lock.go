// Package lock keeps runs that start brokers and pods from running at the same
// time on one machine: go test runs packages side by side, and a starved broker
// or pod gives verdicts about the machine instead of the code.
package lock

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Machine skips the test unless STAMPEDE_E2E=1, and otherwise holds the
// machine-wide lock until the test and its subtests have ended.
func Machine(t testing.TB) {
	t.Helper()
	if os.Getenv("STAMPEDE_E2E") != "1" {
		t.Skip("starts brokers and pods: set STAMPEDE_E2E=1 (make test does)")
	}
	Hold(t)
}

// Hold holds the machine-wide lock until the test and its subtests have ended,
// waiting for it as long as it takes.
func Hold(t testing.TB) {
	t.Helper()
	path := filepath.Join(os.TempDir(), "stampede-e2e.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatalf("lock %s: %v", path, err)
	}
	t.Cleanup(func() { f.Close() })
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		fmt.Fprintf(os.Stderr, "%s: waiting for another run of Stampede on this machine (%s)\n", t.Name(), path)
		err = flock(f, unix.LOCK_EX)
	}
	if err != nil {
		t.Fatalf("lock %s: %v", path, err)
	}
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}
