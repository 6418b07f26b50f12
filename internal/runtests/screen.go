package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// redrawEvery is how often a terminal shows what runs.
	redrawEvery = time.Second
	// silentFor is after how long without a line a log gets one.
	silentFor = 15 * time.Second
)

// screen prints lines, with a status line below them on a terminal. Its methods
// may be called by many goroutines.
type screen struct {
	out      io.Writer
	width    func() int // columns of the terminal, 0 elsewhere
	mu       sync.Mutex
	drawn    bool // a status line is on the terminal
	lastLine time.Time
}

func newScreen(out *os.File) *screen {
	return &screen{out: out, lastLine: time.Now(), width: func() int {
		size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
		if err != nil {
			return 0
		}
		return max(40, int(size.Col))
	}}
}

// printLine prints a line that stays.
func (s *screen) printLine(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eraseStatus()
	fmt.Fprintln(s.out, line)
	s.lastLine = time.Now()
}

// showStatus keeps the status line up to date until stop is called.
func (s *screen) showStatus(describe func() string) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(redrawEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				s.clearStatus()
				return
			case now := <-tick.C:
				s.drawStatus(describe(), now)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// drawStatus replaces the status line, or prints a line where silence was long.
func (s *screen) drawStatus(status string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if columns := s.width(); columns > 0 {
		s.eraseStatus()
		fmt.Fprint(s.out, cutText(status, columns-1))
		s.drawn = true
		return
	}
	if now.Sub(s.lastLine) >= silentFor {
		fmt.Fprintln(s.out, status)
		s.lastLine = now
	}
}

func (s *screen) clearStatus() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eraseStatus()
}

func (s *screen) eraseStatus() {
	if s.drawn {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.drawn = false
	}
}

// cutText cuts a text to so many characters.
func cutText(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return strings.TrimSpace(string(runes[:most-3])) + "..."
	}
	return text
}
