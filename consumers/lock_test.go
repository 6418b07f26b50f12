package consumers_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// lockMachine skips the test unless STAMPEDE_E2E=1, and otherwise holds the
// machine-wide lock of all tests that start brokers until the test has ended.
// It does what harness/lock does, which is out of reach from here.
func lockMachine(t *testing.T) {
	t.Helper()
	if os.Getenv("STAMPEDE_E2E") != "1" {
		t.Skip("starts brokers: set STAMPEDE_E2E=1 (make test does)")
	}
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "stampede-e2e.lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		t.Fatalf("lock %s: %v", f.Name(), err)
	}
}
