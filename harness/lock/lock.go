// Package lock keeps runs that start brokers and pods from running at the same
// time on one machine: go test runs packages side by side, and a starved broker
// or pod gives verdicts about the machine instead of the code.
package lock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// waiting ends all waiting; see [CancelWith].
var waiting = context.Background()

// noticeInterval is how long it takes until who waits says so once more.
var noticeInterval = time.Minute

// CancelWith has all waiting end with ctx. It is for a process that takes Ctrl-C itself,
// before its first test.
func CancelWith(ctx context.Context) { waiting = ctx }

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
// waiting for it as long as it takes. Where waiting ended before, the test fails.
func Hold(t testing.TB) {
	t.Helper()
	if err := Wait(t); err != nil {
		t.Fatal(err)
	}
}

// Wait is [Hold] with an error where the test does not hold the lock.
func Wait(t testing.TB) error {
	path := filepath.Join(os.TempDir(), "stampede-e2e.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		err = awaitLock(t.Name(), f)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	t.Cleanup(func() { f.Close() })
	return nil
}

// awaitLock waits for the lock, and says so now and then. Nothing ends a call for the lock
// before it has it: given up, it lets go of it then.
func awaitLock(name string, f *os.File) error {
	got := make(chan error)
	go func() {
		err := flock(f, unix.LOCK_EX)
		select {
		case got <- err:
		case <-waiting.Done():
			f.Close()
		}
	}()
	began, tick := time.Now(), time.NewTicker(noticeInterval)
	defer tick.Stop()
	say := func() {
		so := ""
		if took := time.Since(began); took >= noticeInterval {
			so = fmt.Sprintf("for %v by now ", took.Round(time.Second))
		}
		fmt.Fprintf(os.Stderr, "%s: waiting %sfor another run of Stampede on this machine, %s (%s)\n", name, so, describeHolder(f), f.Name())
	}
	for say(); ; say() {
		select {
		case err := <-got:
			return err
		case <-waiting.Done():
			return fmt.Errorf("interrupted while it waited for another run of Stampede on this machine, %s", describeHolder(f))
		case <-tick.C:
		}
	}
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}
