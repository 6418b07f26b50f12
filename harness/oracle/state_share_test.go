package oracle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// TestShareCountsEveryFault: where acknowledgements are not observed, a fault begins a new delivery,
// however many faults came before the next attempt. 256 begins and ends are as many as 2.
func TestShareCountsEveryFault(t *testing.T) {
	for _, faults := range []int{0, 1, 127, 128, 129, 256} {
		var b strings.Builder
		b.WriteString(`
			claims at-least-once none cooperative
			share lock=10s deliveries=5 volatile
			unobserved ack after lock expiry
			log p0 1/0
			1ms start p0@0 a count=1
			2ms effect p0@0 a
		`)
		for n := range faults {
			fmt.Fprintf(&b, "%dms inject p0 fault=%d\n%dms heal p0 fault=%d\n", 3+2*n, n, 4+2*n, n)
		}
		fmt.Fprintf(&b, "1s start p0@0 a count=1\n1001ms effect p0@0 a\n")
		h := newHistory()
		for _, line := range lines(b.String()) {
			if err := h.line(line); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		verdicts, err := judge(h.facts, h.source())
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int64{"unexplained duplicate": 0, "explained duplicate": 1}
		if faults == 0 {
			want = map[string]int64{"unexplained duplicate": 1, "explained duplicate": 0}
		}
		for _, v := range verdicts {
			if n, ok := want[v.Check]; ok && (v.Count != n || v.Status == harness.Inconclusive) {
				t.Errorf("%d faults: %s %s %d, want %d", faults, v.Check, v.Status, v.Count, n)
			}
		}
	}
}
