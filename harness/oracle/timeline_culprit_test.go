package oracle

import (
	"slices"
	"strings"
	"testing"
)

// TestTimelineOfARegressionMarksTheCulprit: the commit of a pod that had lost the partition is marked, not the
// innocent one after it. Equal lines are one, and a second member of a pod is told apart.
func TestTimelineOfARegressionMarksTheCulprit(t *testing.T) {
	a, entries := timelineOf(t, `
		claims at-least-once none cooperative
		log p0 1/0 1/1
		final p0 2
		0ms own p0 a gen=1 member=1
		10ms start p0@0 a
		20ms effect p0@0 a
		21ms start p0@1 a
		22ms effect p0@1 a
		30ms released p0 a
		30ms own p0 b gen=2 member=2
		31ms start p0@0 b
		32ms effect p0@0 b
		40ms commit p0 2 a
		50ms commit p0 1 b
		50ms commit p0 1 b
		60ms own p0 b gen=3 member=3
		70ms commit p0 2 b`, CheckCommitRegression, [2]uint32{1, 0})
	if !slices.Equal(a.Pods, []string{"a", "b"}) {
		t.Errorf("pods %v, want the culprit first", a.Pods)
	}
	story := strings.Join(entries, "\n")
	for _, want := range []string{"40ms commits: 2 by a !", "50ms commits: 1 by b (2 times)", "60ms owner: partition 0 is assigned to b (as member 2), generation 3"} {
		if !slices.Contains(entries, want) {
			t.Errorf("the story lacks %q:\n%s", want, story)
		}
	}
}
