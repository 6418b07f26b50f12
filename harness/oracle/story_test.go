package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// A story has all that bears on its anomaly, and nothing else.
func TestStoryOfALoss(t *testing.T) {
	h := newHistory()
	for _, line := range lines(`
		log p0 1/0 1/1 2/0 1/2 1/3 1/4
		log p1 3/0
		final p0 6
		0ms own p0 a gen=1 seen=1ms
		0ms own p1 b gen=1 seen=1ms
		10ms acked p0@1 1/1
		20ms start p0@0 a
		30ms effect p0@0 a
		40ms start p0@1 a
		50ms error p0@1 a
		51ms start p0@2 a
		52ms effect p0@2 a
		53ms start p0@3 a
		54ms effect p0@3 a
		55ms start p0@5 a
		56ms effect p0@5 a
		57ms start p0@4 a
		58ms effect p0@4 a
		60ms commit p0 6 a
		61ms start p1@0 b
		62ms effect p1@0 b
		63ms commit p1 1 b`) {
		if err := h.line(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	verdicts, err := judge(h.facts, h.source())
	if err != nil {
		t.Fatal(err)
	}
	if err := Tell(h.facts, h.source(), verdicts); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(verdicts, func(v harness.Verdict) bool { return v.Check == "loss pending" })
	var got []string
	a := verdicts[i].Examples[0]
	for _, m := range a.Story {
		got = append(got, fmt.Sprintf("%v %s: %s", m.At, m.Lane, m.Text))
	}
	want := []string{"0s owner: a has it, generation 1 (or up to 1ms later)", "60ms commits: 6 by a"}
	if a.Key == nobody && !slices.Equal(got, want) {
		t.Errorf("before it is named:\n%s", strings.Join(got, "\n"))
	}
	a.Key, a.Seq, a.Story = 1, 1, nil
	verdicts[i].Examples[0] = a
	if err := Tell(h.facts, h.source(), verdicts[i:i+1]); err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, m := range verdicts[i].Examples[0].Story {
		mark := ""
		if m.Bad {
			mark = " !"
		}
		got = append(got, fmt.Sprintf("%v %s: %s%s", m.At, m.Lane, m.Text, mark))
	}
	want = []string{
		"0s owner: a has it, generation 1 (or up to 1ms later)", "10ms record: acked at partition 0 offset 1",
		"20ms a: seq 0: effect", "40ms a: seq 1: error", "53ms a: seq 2: effect", "57ms a: seq 3: effect",
		"60ms commits: 6 by a !",
	}
	if !slices.Equal(got, want) {
		t.Errorf("story\n got  %s\n want %s", strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
}
