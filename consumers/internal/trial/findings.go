package trial

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// alwaysCounted are the checks whose counts mean something for every consumer. The count of
// another check that does not judge a consumer is no finding: key inversions of a consumer
// that promises no order, for example.
var alwaysCounted = append(oracle.CountedChecks(), oracle.CheckRedelivery)

// HasFinding reports whether a check found something.
func HasFinding(v harness.Verdict) bool {
	return v.Status == harness.Fail || v.Status == harness.Warning || v.Status == harness.NotJudged && v.Count > 0 && slices.Contains(alwaysCounted, v.Check)
}

// FindingsOf are the checks of a run that found something.
func FindingsOf(r *harness.Run) (checks []string) {
	for _, v := range r.Verdicts {
		if HasFinding(v) {
			checks = append(checks, v.Check)
		}
	}
	return checks
}

// FirstExample describes the first example of a verdict.
func FirstExample(v harness.Verdict) string {
	if len(v.Examples) == 0 {
		return v.Detail
	}
	e := v.Examples[0]
	return fmt.Sprintf("%s: %s", strings.Join(append(e.DescribeRecord(), e.Pods...), ", "), e.Text)
}

// DescribeFailures has a line for each verdict of a run that failed, with its first example.
func DescribeFailures(r *harness.Run) string {
	var b strings.Builder
	for _, v := range r.Verdicts {
		if v.Status == harness.Fail {
			fmt.Fprintf(&b, "%s: %s\n", v.Check, FirstExample(v))
		}
	}
	return b.String()
}
