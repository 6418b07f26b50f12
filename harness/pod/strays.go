package pod

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

// strayTimeout limits the wait for the end of processes after SIGKILL. Only an
// uninterruptible system call can delay it.
const strayTimeout = 2 * time.Second

// stray is a living process with a mark.
type stray struct {
	pid  int
	mark mark
}

// describe names the process for a report.
func (s stray) describe() string {
	return fmt.Sprintf("process %d (%s)", s.pid, readCommand(s.pid))
}

// endMarked ends all processes with a mark that fits, and returns those that it could not
// end. It looks again until it finds none, since a process may start others meanwhile.
func endMarked(fits func(mark) bool, kill func(*os.Process) error) (left []stray) {
	deadline := time.Now().Add(strayTimeout)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if left = findMarked(fits); len(left) == 0 {
			return nil
		}
		killed := false
		for _, s := range left {
			killed = s.kill(kill) == nil || killed
		}
		if !killed || time.Now().After(deadline) {
			return left
		}
		time.Sleep(pause)
	}
}

// kill kills the process, and no other that has its number by now.
func (s stray) kill(kill func(*os.Process) error) error {
	p, err := os.FindProcess(s.pid)
	if err != nil {
		return err
	}
	defer p.Release()
	if now, ok := readMark(s.pid); !ok || now != s.mark {
		return nil
	}
	return kill(p)
}

// sigkill kills a process.
func sigkill(p *os.Process) error {
	if err := p.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// EndOrphans ends the processes of pods whose harness was killed: the children of their
// consumers, which the kernel lets live. It returns the names of those that it could
// not end.
func EndOrphans() (left []string) {
	for _, s := range endMarked(func(m mark) bool { return m.isOrphaned() }, sigkill) {
		left = append(left, s.describe())
	}
	return left
}

// endStrays ends what is left of ended incarnations, and notes in their records what it
// could not end. The caller does not hold mu.
func (f *Fleet) endStrays(ended ...*process) {
	byMark := map[mark]*process{}
	for _, p := range ended {
		byMark[p.mark] = p
	}
	delete(byMark, 0)
	if len(byMark) == 0 {
		return
	}
	left := endMarked(func(m mark) bool { return byMark[m] != nil }, sigkill)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range left {
		in := &byMark[s.mark].record
		if name := s.describe(); !slices.Contains(in.Survivors, name) {
			in.Survivors = append(in.Survivors, name)
		}
	}
}
