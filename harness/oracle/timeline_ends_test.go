package oracle

import (
	"slices"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// A timeline says why a fault killed a pod that takes part in it, and leaves out other pods.
func TestTimelineSaysWhyAPodWasKilled(t *testing.T) {
	h := newHistory()
	h.facts.Ends = map[ledger.Owner]string{1: "used 70 MiB", 2: "used 80 MiB"}
	for _, line := range lines(`
		log p0 1/0 1/1
		final p0 2
		0ms own p0 a gen=1 seen=0ms
		0ms up a
		0ms up b
		20ms start p0@0 a
		30ms effect p0@0 a
		35ms commit p0 2 a
		40ms down a
		50ms down b`) {
		if err := h.line(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	verdicts, err := judge(h.facts, h.source())
	if err != nil {
		t.Fatal(err)
	}
	if err := AddTimelines(h.facts, h.source(), verdicts); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(verdicts, func(v harness.Verdict) bool { return len(v.Examples) > 0 })
	var said []string
	for _, m := range verdicts[i].Examples[0].Timeline {
		if m.Track == "a" || m.Track == "b" {
			said = append(said, m.Track+": "+m.Text)
		}
	}
	if !slices.Contains(said, "a: down: used 70 MiB") || slices.Contains(said, "b: down: used 80 MiB") {
		t.Errorf("it says %q", said)
	}
}
