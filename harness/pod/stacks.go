package pod

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
)

// label is the pprof label of the goroutines of one incarnation. Goroutines that the
// consumer starts inherit it. Its value is the path of the journal, which is unique.
const label = "stampede journal"

// labelGoroutine labels the calling goroutine as one of the incarnation's.
func labelGoroutine(journal string) {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(label, journal)))
}

// stacksOf are the stack traces of the goroutines of an incarnation. Equal ones appear
// once, with their number.
func stacksOf(journal string) string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return err.Error()
	}
	var its []string
	for entry := range strings.SplitSeq(all.String(), "\n\n") {
		head, frames, _ := strings.Cut(entry, "\n# labels: ")
		labels, frames, ok := strings.Cut(frames, "\n")
		if !ok || !strings.Contains(labels, journal) {
			continue
		}
		count, _, _ := strings.Cut(head, " @")
		its = append(its, count+" of its goroutines:\n"+trimFrames(frames))
	}
	if its == nil {
		return "no goroutine left"
	}
	return strings.Join(its, "\n")
}

// trimFrames drops addresses and offsets from the frames.
func trimFrames(frames string) string {
	var b strings.Builder
	for line := range strings.Lines(frames) {
		if fields := strings.Fields(line); len(fields) == 4 { // #, address, function, place
			b.WriteString("\t" + fields[2] + " " + fields[3] + "\n")
		}
	}
	return b.String()
}
