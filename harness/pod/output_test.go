package pod

import (
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

func TestOutputKeepsHeadTailAndCauseInBoundedMemory(t *testing.T) {
	var o output
	o.Write([]byte("first line\npanic: overflow é"))
	o.Write([]byte("\ngoroutine 1 [running]:\n"))
	block := []byte(strings.Repeat("é\xff", 1<<20)) // one line of 3 MiB without an end
	for range 32 {
		o.Write(block)
	}
	o.Write([]byte("\nlast line"))
	if kept := cap(o.head) + cap(o.tail) + cap(o.words.line); kept > 256<<10 {
		t.Errorf("it keeps %d bytes", kept)
	}
	text, total := o.keptText()
	if want := int64(32*len(block) + 63); total != want || len(text) > headSize+tailSize+100 {
		t.Errorf("%d bytes in all, want %d, and %d kept", total, want, len(text))
	}
	if !strings.HasPrefix(text, "first line\n") || !strings.HasSuffix(text, "\nlast line") || !strings.Contains(text, "the end of 100663359 bytes ...]\n") {
		t.Errorf("kept %.40q to %q", text, text[len(text)-100:])
	}
	if got, want := o.causeOfEnd("exit status 2", 0), "panic: overflow é (exit status 2)"; got != want {
		t.Errorf("the cause is %q, want %q", got, want)
	}
	in := Incarnation{Stderr: text, Printed: total}
	short := in.Excerpt(1000)
	if len(short) > 1100 || strings.Count(short, "[... cut") != 1 || !strings.HasPrefix(short, "first line\n") || !strings.HasSuffix(short, "\nlast line") {
		t.Errorf("an excerpt of %d bytes: %q", len(short), short)
	}
	if whole := (&Incarnation{Stderr: " all \n", Printed: 6}).Excerpt(1000); whole != "all" {
		t.Errorf("a short output became %q", whole)
	}
}

func TestOutputTellsTheCauseOfAnEnd(t *testing.T) {
	const oom = "runtime: out of memory: cannot allocate 4194304-byte block\nfatal error: out of memory\n\ngoroutine 1 [running]:\n\truntime.throw\n"
	for _, c := range []struct{ exit, printed, cause string }{
		{"exit status 2", oom, "fatal error: out of memory (exit status 2)"},
		{"exit status 2", "panic: one\npanic: two\n\tand more\n", "panic: two (exit status 2)"},
		{"exit status 2", "2026/11/30 panic: logged\n", "a panic or a fatal error, and its message is lost; closed file descriptors would explain that (exit status 2)"},
		{"exit status 2", "panic: without an end", "panic: without an end (exit status 2)"},
		{"exit status 2", "panic: " + strings.Repeat("é", 1000), "panic: " + strings.Repeat("é", 146) + " (exit status 2)"},
		{"exit status 4", "noise\npod: consumer x: no broker\nsecond line\n", "consumer x: no broker (exit status 4)"},
		{"exit status 4", "", "the consumer or the harness ended it, and the message is lost; closed file descriptors would explain that (exit status 4)"},
		{"exit status 6", "", "a file descriptor of the harness was closed in the pod, and only its consumer can have done that (exit status 6)"},
		{"exit status 7", "pod: bad file descriptor\n", "a file descriptor of the harness was closed in the pod, and only its consumer can have done that (exit status 7)"},
		{"exit status 1", "no\n\nconfiguration \n\n", "its last line of output: configuration (exit status 1)"},
		{"exit status 0", "", "exit status 0"},
		{"signal: killed", "busy\n", "killed by a signal that the harness did not send; the kernel sends it if memory runs out, and the pod had used 512 MiB (signal: killed)"},
		{"signal: aborted (core dumped)", "SIGABRT: abort\nPC=0x1\n", "SIGABRT: abort (signal: aborted (core dumped))"},
		{"signal: segmentation fault", "", "signal: segmentation fault"},
	} {
		var w lastWords
		for i := range len(c.printed) { // in the smallest parts
			w.scanOutput([]byte(c.printed[i : i+1]))
		}
		if got := w.causeOf(c.exit, 512<<20); got != c.cause {
			t.Errorf("%s after %.60q: %q, want %q", c.exit, c.printed, got, c.cause)
		}
	}
}

// Only the consumer can have closed a descriptor of the harness; a full disk is not its fault.
func TestClosedDescriptorIsNoFaultOfTheHarness(t *testing.T) {
	for cause, want := range map[syscall.Errno]int{syscall.EBADF: exitClosed, syscall.ENOSPC: exitFault} {
		err := fmt.Errorf("write journal: %w", &fs.PathError{Op: "write", Path: "pod-1.journal", Err: cause})
		if got := faultStatus(err); got != want {
			t.Errorf("%v: exit status %d, want %d", err, got, want)
		}
	}
}
