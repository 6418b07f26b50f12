package pod

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
)

// label marks the goroutines of an incarnation that is no process, all that its
// consumer starts included: they inherit it. Its value is the path of the journal,
// which no two share.
const label = "stampede journal"

// mark makes the calling goroutine one of the incarnation's.
func mark(journal string) {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(label, journal)))
}

// stacks are where the goroutines of an incarnation are, those at the same place
// once, with their number.
func stacks(journal string) string {
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
		its = append(its, count+" of its goroutines:\n"+places(frames))
	}
	if its == nil {
		return "none of its goroutines is left"
	}
	return strings.Join(its, "\n")
}

// places are frames without what only a debugger reads.
func places(frames string) string {
	var b strings.Builder
	for line := range strings.Lines(frames) {
		if fields := strings.Fields(line); len(fields) == 4 { // #, address, function, place
			b.WriteString("\t" + fields[2] + " " + fields[3] + "\n")
		}
	}
	return b.String()
}
