package bench

import (
	"bytes"
	"regexp"
	"runtime"
	"runtime/metrics"
	"strings"
)

const (
	// maxStacks is how many goroutines an error shows.
	maxStacks = 8
	// dumpSize bounds what is looked at to find them.
	dumpSize = 32 << 20
)

var bubbleName = regexp.MustCompile(`^goroutine \d+ \[[^\]]*(synctest bubble \d+)\]:`)

// bubbleNameHere is what traces call the bubble of the calling goroutine, "" outside of one.
func bubbleNameHere() string {
	head := make([]byte, 200)
	head = head[:runtime.Stack(head, false)]
	if m := bubbleName.FindSubmatch(head); m != nil {
		return string(m[1])
	}
	return ""
}

// awakeGoroutines are the traces of a bubble's goroutines that do not wait for others in it,
// and so keep its clock from going, and whether one of them is at work: the others
// wait for what is outside.
func awakeGoroutines(bubble string) (traces string, spins bool) {
	dump := make([]byte, dumpSize)
	dump = dump[:runtime.Stack(dump, true)]
	var found []string
	for trace := range bytes.SplitSeq(dump, []byte("\n\n")) {
		head, _, _ := bytes.Cut(trace, []byte("\n"))
		m := bubbleName.FindSubmatch(head)
		if m == nil || string(m[1]) != bubble || bytes.Contains(head, []byte("(durable)")) || bytes.Contains(head, []byte("[synctest.Run")) {
			continue
		}
		spins = spins || bytes.Contains(head, []byte("[run")) // running or runnable
		if len(found) < maxStacks {
			found = append(found, string(trace))
		}
	}
	if found == nil {
		return "nobody", false
	}
	return strings.Join(found, "\n\n"), spins
}

// processMemory is what this process has from the system for its Go memory, in bytes.
func processMemory() uint64 {
	all := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(all)
	return all[0].Value.Uint64() - all[1].Value.Uint64()
}
