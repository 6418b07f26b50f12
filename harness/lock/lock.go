// Package lock lets only one run at a time start brokers and pods on a machine. go
// test runs several packages at once, and a starved broker or pod gives verdicts about
// the machine and not about the code.
package lock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/internal/launcher"
)

// waiting has the context of all waits; see [CancelWith].
var waiting atomic.Pointer[context.Context]

// noticeInterval is how often a waiting test says so.
var noticeInterval = time.Minute

// CancelWith ends all waits when ctx ends. A process that handles Ctrl-C calls it before
// its first test.
func CancelWith(ctx context.Context) { waiting.Store(&ctx) }

// endWithLauncher ends this process when the go test or the make that launched it has
// ended. A process that calls [CancelWith] does so itself, in good order.
var endWithLauncher = sync.OnceFunc(func() {
	ctx, _ := launcher.WithEnd(context.Background())
	context.AfterFunc(ctx, func() {
		fmt.Fprintln(os.Stderr, "stampede:", context.Cause(ctx))
		os.Exit(1)
	})
})

// waitContext is the context of a wait that begins now.
func waitContext() context.Context {
	if ctx := waiting.Load(); ctx != nil {
		return *ctx
	}
	return context.Background()
}

// Machine skips the test unless STAMPEDE_E2E=1. Else it holds the machine-wide lock
// until the test and its subtests have ended.
func Machine(t testing.TB) {
	t.Helper()
	if os.Getenv("STAMPEDE_E2E") != "1" {
		t.Skip("starts brokers and pods: set STAMPEDE_E2E=1 (make test does)")
	}
	Hold(t)
}

// Hold waits for the machine-wide lock, and holds it until the test and its subtests
// have ended. The test fails if [CancelWith] ends the wait.
func Hold(t testing.TB) {
	t.Helper()
	if err := Wait(t); err != nil {
		t.Fatal(err)
	}
}

// Wait is [Hold] that returns an error in place of failing the test.
func Wait(t testing.TB) error {
	if waiting.Load() == nil {
		endWithLauncher()
	}
	path := filepath.Join(os.TempDir(), "stampede-e2e.lock")
	f, err := openFile(path)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		err = awaitLock(waitContext(), t.Name(), f)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	t.Cleanup(func() { f.Close() })
	return nil
}

// awaitLock waits for the lock, and says so from time to time. Nothing can end a call
// of flock: one that is no longer wanted releases the lock as soon as it has it.
func awaitLock(ctx context.Context, name string, f *os.File) error {
	got, inode := make(chan error), readInode(f)
	go func() {
		err := flock(f, unix.LOCK_EX)
		select {
		case got <- err:
		case <-ctx.Done():
			f.Close()
		}
	}()
	began, tick := time.Now(), time.NewTicker(noticeInterval)
	defer tick.Stop()
	say := func() {
		so := ""
		if took := time.Since(began); took >= noticeInterval {
			so = fmt.Sprintf("for %v ", took.Round(time.Second))
		}
		fmt.Fprintf(os.Stderr, "%s: waiting %sfor another run of Stampede on this machine, %s (%s)\n", name, so, describeHolder(inode), f.Name())
	}
	for say(); ; say() {
		select {
		case err := <-got:
			if err == nil {
				fmt.Fprintf(os.Stderr, "%s: waited %v for another run of Stampede on this machine\n", name, time.Since(began).Round(time.Second))
			}
			return err
		case <-ctx.Done():
			return fmt.Errorf("interrupted while waiting for another run of Stampede on this machine, %s", describeHolder(inode))
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
