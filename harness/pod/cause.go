package pod

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxCause is how many bytes of a line can become a cause.
const maxCause = 300

// lastWords are the lines of an output that say why its writer ended. The lines of a
// panic may be far from the end: the traces of all goroutines follow. Of a long line only
// the beginning is kept.
type lastWords struct {
	line     []byte // the beginning of the current line
	panicked string // the last line in which Go's runtime says why it ends the process
	failed   string // the last line in which this package says that
	last     string // the last line that is not empty
}

var (
	panicLine = regexp.MustCompile(`^(?:panic: |fatal error: |SIG[A-Z]+: )`)
	podLine   = []byte("pod: ")
)

// scanOutput reads the next part of the output.
func (w *lastWords) scanOutput(p []byte) {
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		w.line = append(w.line, line[:min(len(line), max(0, maxCause-len(w.line)))]...)
		if ended {
			w.endLine()
		}
		p = rest
	}
}

func (w *lastWords) endLine() {
	line := w.line
	w.line = w.line[:0]
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	w.last = string(line)
	switch {
	case panicLine.Match(line):
		w.panicked = w.last
	case bytes.HasPrefix(line, podLine):
		w.failed = w.last[len(podLine):]
	}
}

// causeOf says in one line why an incarnation ended: from the exit as the system tells it,
// the output, and the memory that it used.
func (w *lastWords) causeOf(exit string, peak int64) string {
	w.endLine()
	switch cause := w.explainExit(exit, peak); cause {
	case "":
		return exit
	default:
		return fmt.Sprintf("%s (%s)", trimRune(strings.TrimSpace(cause)), exit)
	}
}

// explainExit is the reason behind an exit, "" if the exit says all that is known.
func (w *lastWords) explainExit(exit string, peak int64) string {
	switch exit {
	case exitText(exitPanicked):
		if w.panicked == "" {
			return "a panic or a fatal error, and its message is lost; closed file descriptors would explain that"
		}
		return w.panicked
	case exitText(exitFailed), ExitReturned, ExitFault:
		if w.failed == "" {
			return "the consumer or the harness ended it, and the message is lost; closed file descriptors would explain that"
		}
		return w.failed
	case exitText(exitOrphaned), exitText(exitClosed):
		return "a file descriptor of the harness was closed in the pod, and only its consumer can have done that"
	case "signal: killed":
		why := "killed by a signal that the harness did not send; the kernel sends it if memory runs out"
		if peak > 0 {
			why += fmt.Sprintf(", and the pod had used %d MiB", peak>>20)
		}
		return why
	}
	if w.panicked != "" {
		return w.panicked
	}
	if w.last != "" {
		return "its last line of output: " + w.last
	}
	return ""
}

// exitText is how the system tells an exit status.
func exitText(status int) string { return fmt.Sprintf("exit status %d", status) }

// trimRune drops a character at the end of a text that was cut within it.
func trimRune(s string) string {
	for cut := 1; cut < utf8.UTFMax && cut <= len(s); cut++ {
		if at := len(s) - cut; utf8.RuneStart(s[at]) {
			if !utf8.FullRuneInString(s[at:]) {
				return s[:at]
			}
			break
		}
	}
	return s
}
