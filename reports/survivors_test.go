package reports

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// A process that outlived its pod, and that the harness could not end, has a warning.
func TestSurvivorsOfAPodAreNamed(t *testing.T) {
	c := small()
	c.Runs[0].Pods = []harness.PodReport{{Name: "pod-2", Incarnations: 1, Survivors: []string{"process 7 (sleep 60)", "process 8 (sleep 90)"}}}
	for _, f := range []renderer{RenderText, renderHTML} {
		text := strings.Join(strings.Fields(string(render(t, f, c))), " ") // lines are wrapped
		for _, want := range []string{"pod-2 left processes that could not be ended", "process 7 (sleep 60), process 8 (sleep 90)"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in\n%s", want, text)
			}
		}
	}
}
