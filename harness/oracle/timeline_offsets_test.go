package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// TestTimelineSaysWhereMembersBegin: the story of a record has from where each member read, and why.
func TestTimelineSaysWhereMembersBegin(t *testing.T) {
	h := newHistory()
	for _, line := range lines(`
		log p0 1/0 1/1 1/2
		final p0 3
		0ms own p0 a gen=1
		1ms rewound p0 a answer=-1
		2ms reset p0 a 0
		10ms start p0@0 a
		20ms effect p0@0 a
		30ms released p0 a
		31ms expired
		32ms trimmed p0 1
		40ms own p0 b gen=2
		41ms rewound p0 b answer=-1
		42ms reset p0 b 2 latest
		50ms start p0@2 b
		60ms effect p0@2 b
		70ms commit p0 3 b
		80ms own p0 c gen=3
		81ms rewound p0 c answer=3`) {
		if err := h.line(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	verdicts, err := judge(h.facts, h.source())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(verdicts, func(v harness.Verdict) bool { return v.Check == CheckLoss })
	if err := AddTimelines(h.facts, h.source(), verdicts[i:i+1]); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range verdicts[i].Examples[0].Timeline {
		got = append(got, fmt.Sprintf("%v %s", m.At, m.Text))
	}
	story := strings.Join(got, "\n")
	for _, want := range []string{
		"1ms a asks for the commit, and there is none",
		"2ms a has no valid offset and begins at the start of the log, offset 0",
		"31ms the group loses its commits",
		"32ms the log begins at offset 1 from now on",
		"42ms b has no valid offset and begins at the end of the log, offset 2",
		"81ms c goes back to the commit, 3",
	} {
		if !strings.Contains(story, want) {
			t.Errorf("the story does not say %q:\n%s", want, story)
		}
	}
}
