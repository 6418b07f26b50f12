package lock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// lockElsewhere takes the lock in a temporary folder, as another process would.
func lockElsewhere(t *testing.T) *os.File {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	f, err := os.Create(filepath.Join(os.TempDir(), "stampede-e2e.lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := flock(f, unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCancelEndsWaiting(t *testing.T) {
	lockElsewhere(t)
	ctx, cancel := context.WithCancel(t.Context())
	CancelWith(ctx)
	defer CancelWith(context.Background())
	cancel()
	if err := Wait(t); err == nil || !strings.Contains(err.Error(), "interrupted while waiting") {
		t.Errorf("error %v", err)
	}
}

func TestWaitEndsWhenTheLockIsFree(t *testing.T) {
	f := lockElsewhere(t)
	go f.Close()
	if err := Wait(t); err != nil {
		t.Error(err)
	}
}

func TestLockFileIsForAllUsers(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	defer unix.Umask(unix.Umask(0o077))
	if err := Wait(t); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(os.TempDir(), "stampede-e2e.lock"))
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
}

func TestLockFileOfAnotherUserNeedsNoWriteAccess(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	path := filepath.Join(os.TempDir(), "stampede-e2e.lock")
	if err := os.WriteFile(path, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if mode, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err != nil || mode&unix.O_ACCMODE != unix.O_RDONLY {
		t.Errorf("opened with mode %o, error %v", mode, err)
	}
}

func TestLockFileThatIsNoFileIsRefused(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	path := filepath.Join(os.TempDir(), "stampede-e2e.lock")
	if err := unix.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Wait(t); err == nil || !strings.Contains(err.Error(), "no regular file: remove it") {
		t.Errorf("error %v", err)
	}
}

func TestWaitNamesTheHolder(t *testing.T) {
	f := lockElsewhere(t)
	if _, err := os.Stat("/proc/locks"); err != nil {
		t.Skip("no /proc/locks here")
	}
	if got, want := describeHolder(readInode(f)), fmt.Sprintf("process %d: ", os.Getpid()); !strings.HasPrefix(got, want) {
		t.Errorf("holder %q, want %q and its command", got, want)
	}
}

func TestShortenCommand(t *testing.T) {
	got := shortenCommand("/tmp/go-build1/b001/stampede.test\x00-test.paniconexit0\x00-test.run=^TestCompare$\x00-scenario=steady\x00")
	if want := "stampede.test -test.run=^TestCompare$ -scenario=steady"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := shortenCommand("evil\x1b[2J\n::error::\xff\x00"), `evil : :error::\xff`; got != want { // of another user
		t.Errorf("%q, want %q", got, want)
	}
	if got := shortenCommand(strings.Repeat("x", 1000)); len(got) > 110 {
		t.Errorf("%d bytes", len(got))
	}
}
