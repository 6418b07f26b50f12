package pod

import (
	"io"
	"os"
	"sync"
	"time"
)

const (
	tailSize = 64 << 10
	// drainTimeout limits the wait for output after the death of a pod. A child process
	// of the pod may hold the pipe open for ever.
	drainTimeout = time.Second
)

// output keeps the tail of what a pod prints. Safe for many goroutines.
type output struct {
	pipe   *os.File
	copied chan struct{}

	mu   sync.Mutex
	kept []byte
}

// keepOutput reads pipe until its end, or until [output.drainAndClose].
func keepOutput(pipe *os.File) *output {
	o := &output{pipe: pipe, copied: make(chan struct{})}
	go func() {
		defer close(o.copied)
		io.Copy(o, pipe)
	}()
	return o
}

// Write keeps the last tailSize bytes. It moves them once per tailSize written.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = append(o.kept, p...)
	if len(o.kept) > 2*tailSize {
		o.kept = append(o.kept[:0], o.kept[len(o.kept)-tailSize:]...)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.kept[max(0, len(o.kept)-tailSize):])
}

// drainAndClose reads the rest and closes the pipe. The writer has ended.
func (o *output) drainAndClose() {
	o.pipe.SetReadDeadline(time.Now().Add(drainTimeout))
	<-o.copied
	o.pipe.Close()
}
