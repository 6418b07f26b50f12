package pod

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// headSize and tailSize are how much of the output of a pod is kept.
	headSize = 16 << 10
	tailSize = 48 << 10
	// drainTimeout limits the wait for output after the death of a pod. A child process
	// of the pod may hold the pipe open for ever.
	drainTimeout = time.Second
)

// output keeps the head and the tail of what a pod prints. Safe for many goroutines.
type output struct {
	pipe   *os.File
	copied chan struct{}

	mu    sync.Mutex
	words lastWords
	total int64
	head  []byte
	tail  []byte // up to twice its size, so that it seldom moves
}

// keepOutput reads pipe until its end, or until [output.drainAndClose].
func keepOutput(pipe *os.File) *output {
	o := &output{pipe: pipe, copied: make(chan struct{})}
	go func() {
		defer close(o.copied)
		io.Copy(struct{ io.Writer }{o}, pipe)
	}()
	return o
}

// Write keeps the first headSize and the last tailSize bytes.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.words.scanOutput(p)
	o.total += int64(len(p))
	n := min(len(p), headSize-len(o.head))
	o.head = append(o.head, p[:n]...)
	for rest := p[n:]; len(rest) > 0; {
		part := rest[:min(len(rest), tailSize)]
		if len(o.tail)+len(part) > 2*tailSize {
			o.tail = append(o.tail[:0], o.tail[len(o.tail)-tailSize:]...)
		}
		o.tail = append(o.tail, part...)
		rest = rest[len(part):]
	}
	return len(p), nil
}

// keptText is the output if it is short, else its head, its tail, and what was left out.
func (o *output) keptText() (text string, total int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return joinCut(string(o.head), string(o.tail[max(0, len(o.tail)-tailSize):]), o.total), o.total
}

// causeOfEnd says why the pod ended, see [lastWords].
func (o *output) causeOfEnd(exit string, peak int64) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.words.causeOf(exit, peak)
}

// drainAndClose reads the rest and closes the pipe. The writer has ended.
func (o *output) drainAndClose() {
	o.pipe.SetReadDeadline(time.Now().Add(drainTimeout))
	<-o.copied
	o.pipe.Close()
}

// joinCut is head and tail of an output of total bytes, with a line between them that
// says how much there was.
func joinCut(head, tail string, total int64) string {
	if int64(len(head)+len(tail)) >= total {
		return head + tail
	}
	for cut := 0; cut < utf8.UTFMax && tail != "" && !utf8.RuneStart(tail[0]); cut++ {
		tail = tail[1:]
	}
	return fmt.Sprintf("%s\n[... cut: these are the beginning and the end of %d bytes ...]\n%s", strings.TrimSuffix(trimRune(head), "\n"), total, tail)
}

// Excerpt is what the incarnation has printed, cut to about size bytes of its beginning
// and its end.
func (i *Incarnation) Excerpt(size int) string {
	text := strings.TrimSpace(i.Stderr)
	if len(text) <= size {
		return text
	}
	head := min(size/4, headSize)
	return joinCut(text[:head], text[len(text)-min(size-head, tailSize):], max(i.Printed, int64(len(text))))
}
