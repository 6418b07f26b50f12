package oracle

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// TestTimelineHasTheLinesOfPodsThatTookPart: what a pod logged stands in the story at its time. Equal lines are one, and
// dropped lines are counted. A pod without a part in the story says nothing in it.
func TestTimelineHasTheLinesOfPodsThatTookPart(t *testing.T) {
	h := newHistory()
	for _, line := range lines(`
		claims at-least-once none cooperative
		log p0 1/0 1/1
		log p1 2/0
		final p0 2
		0ms own p0 a gen=1
		0ms own p1 b gen=1
		10ms start p0@0 a
		20ms effect p0@0 a
		40ms commit p0 2 a
		50ms start p1@0 b
		60ms effect p1@0 b`) {
		if err := h.line(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	a, b := ledger.Owner(slices.Index(h.facts.Owners, "a")), ledger.Owner(slices.Index(h.facts.Owners, "b"))
	say := func(at int, who ledger.Owner, text string, dropped uint32) {
		h.facts.Lines = append(h.facts.Lines, ledger.Line{At: time.Duration(at) * time.Millisecond, Owner: who, Text: text, Dropped: dropped})
	}
	say(15, a, "commit refused: REBALANCE_IN_PROGRESS", 0)
	say(25, a, "commit refused: REBALANCE_IN_PROGRESS", 0)
	say(35, a, "commit refused: REBALANCE_IN_PROGRESS", 0)
	say(40, a, "committed", 0)
	say(41, a, "", 1)
	say(42, a, "", 2)
	say(43, a, "idle", 7)
	say(43, b, "idle", 0)
	verdicts, err := judge(h.facts, h.source())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(verdicts, func(v harness.Verdict) bool { return v.Check == CheckLoss })
	verdicts[i].Examples[0].Key, verdicts[i].Examples[0].Seq = 1, 1
	if err := AddTimelines(h.facts, h.source(), verdicts[i:i+1]); err != nil {
		t.Fatal(err)
	}
	sameEntries(t, entriesOf(&verdicts[i].Examples[0]), []string{
		"0s owner: partition 0 is assigned to a, generation 1", "10ms a: offset 0, seq 0: effect",
		"15ms a: logs: commit refused: REBALANCE_IN_PROGRESS (3 times)", "40ms commits: 2 by a !", "40ms a: logs: committed",
		"43ms a: logs too fast: 7 lines are left out", "43ms a: logs: idle",
	})
}

// TestTimelineFoldsGenerationsInWhichTheOwnerStayed: only what changed is worth a line.
func TestTimelineFoldsGenerationsInWhichTheOwnerStayed(t *testing.T) {
	_, entries := timelineOf(t, `
		claims at-least-once none cooperative
		log p0 1/0 1/1
		final p0 2
		0ms own p0 a gen=1
		1ms own p0 a gen=2
		2ms own p0 a gen=3
		10ms start p0@0 a
		20ms effect p0@0 a
		30ms commit p0 1 a
		31ms commit p0 1 a
		32ms commit p0 1 a
		40ms own p0 a gen=4
		41ms expelled a
		42ms own p0 a gen=5
		43ms released p0 a
		44ms own p0 a gen=6
		50ms commit p0 2 a
		51ms commit p0 2 a`, CheckLoss, [2]uint32{1, 1})
	sameEntries(t, entries, []string{
		"0s owner: partition 0 is assigned to a, generations 1 to 4", "10ms a: offset 0, seq 0: effect",
		"30ms commits: 1 by a (3 times)", "41ms owner: the group expels a", "42ms owner: partition 0 is assigned to a, generation 5",
		"43ms owner: a loses partition 0", "44ms owner: partition 0 is assigned to a, generation 6", "50ms commits: 2 by a !", "51ms commits: 2 by a",
	})
}

// TestStoryOfAStallEndsWithWhatTheOwnerDoesNotDo: the story of a stall says who owns the partition, and since when
// that pod began no attempt.
func TestStoryOfAStallEndsWithWhatTheOwnerDoesNotDo(t *testing.T) {
	const head = `
		log p0 1/0 1/1
		interval 1s
		drain 60s
		0ms own p0 a gen=1
		10ms start p0@0 a
		20ms effect p0@0 a
		30ms commit p0 1 a`
	for after, want := range map[string]string{
		"": "20ms a: its last attempt in the partition, which it owns until the end !",
		"\n40ms released p0 a\n41ms own p0 b gen=2": "41ms b: begins no attempt in the partition, which it owns until the end !",
		"\n40ms released p0 a":                      "",
	} {
		_, entries := timelineOf(t, head+after, CheckStall, [2]uint32{1, 1})
		marked := ""
		for _, e := range entries {
			if strings.HasSuffix(e, " !") {
				marked = e
			}
		}
		if marked != want {
			t.Errorf("after %q the story marks %q, want %q", after, marked, want)
		}
	}
}

// TestStoryOfADuplicateHasTheNeighbourThatFailed: the failed record of another key is why the batch was repeated.
func TestStoryOfADuplicateHasTheNeighbourThatFailed(t *testing.T) {
	_, entries := timelineOf(t, `
		log p0 1/0 2/0 3/0
		0ms own p0 a gen=1
		1ms start p0@2 a
		2ms error p0@2 a
		10ms start p0@0 a
		20ms effect p0@0 a
		21ms start p0@1 a
		22ms error p0@1 a
		30ms start p0@0 a
		40ms effect p0@0 a`, CheckUnexplainedDuplicate)
	sameEntries(t, entries, []string{
		"0s owner: partition 0 is assigned to a, generation 1", "10ms a: offset 0, seq 0: effect", "21ms a: offset 1, key 2 seq 0: error",
		"30ms a: offset 0, seq 0: effect !",
	})
}
