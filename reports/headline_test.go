package reports

import (
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

func TestWhichRunsSpeakForEveryRecord(t *testing.T) {
	doubtful := []harness.Verdict{{Check: oracle.CheckLoss, Status: harness.Inconclusive}}
	for name, c := range map[string]struct {
		run  harness.Run
		want bool
	}{
		"all finished":             {harness.Run{Status: harness.Pass}, true},
		"overloaded, none lost":    {harness.Run{Status: harness.Overload, Counts: harness.Counts{Unfinished: 9}}, true},
		"some lost":                {harness.Run{Status: harness.Fail, Counts: harness.Counts{Lost: 1, Unfinished: 9}}, true},
		"failed, the rest waits":   {harness.Run{Status: harness.Fail, Counts: harness.Counts{Unfinished: 9}}, false},
		"loss could not be judged": {harness.Run{Status: harness.Fail, Verdicts: doubtful}, false},
	} {
		if got := countsAllRecords(&c.run); got != c.want {
			t.Errorf("%s: speaks %v, want %v", name, got, c.want)
		}
	}
}
