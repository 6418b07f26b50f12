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
	// dumpSize limits the dump of all goroutines that they are taken from.
	dumpSize = 32 << 20
)

var bubbleName = regexp.MustCompile(`^goroutine \d+ \[[^\]]*(synctest bubble \d+)\]:`)

// bubbleNameHere is the name that stack traces give to the bubble of the calling
// goroutine, "" outside of a bubble.
func bubbleNameHere() string {
	head := make([]byte, 200)
	head = head[:runtime.Stack(head, false)]
	if m := bubbleName.FindSubmatch(head); m != nil {
		return string(m[1])
	}
	return ""
}

// awakeGoroutines returns the traces of the goroutines that stop a bubble's clock:
// they do not wait for others of the bubble. spins reports that one of them is
// running, waits that one waits for something outside of the bubble.
func awakeGoroutines(bubble string) (traces string, spins, waits bool) {
	dump := make([]byte, dumpSize)
	dump = dump[:runtime.Stack(dump, true)]
	var found []string
	for trace := range bytes.SplitSeq(dump, []byte("\n\n")) {
		head, _, _ := bytes.Cut(trace, []byte("\n"))
		m := bubbleName.FindSubmatch(head)
		if m == nil || string(m[1]) != bubble || bytes.Contains(head, []byte("(durable)")) || bytes.Contains(head, []byte("[synctest.Run")) {
			continue
		}
		runs := bytes.Contains(head, []byte("[run")) // running or runnable
		spins, waits = spins || runs, waits || !runs
		if len(found) < maxStacks {
			found = append(found, string(trace))
		}
	}
	if found == nil {
		return "no goroutine found", false, false
	}
	return strings.Join(found, "\n\n"), spins, waits
}

// processMemory is the memory in bytes that Go has from the system.
func processMemory() uint64 {
	all := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(all)
	return all[0].Value.Uint64() - all[1].Value.Uint64()
}
