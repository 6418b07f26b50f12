package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// pageChecks are the checks of a cell: those to read first, and the rest, which
// is folded.
type pageChecks struct {
	First, Rest []checkRow
	Summary     string // Summary counts the rest by status.
}

type checkRow struct {
	Check, HeldTo string
	Status        harness.Status
	Count, Detail string
	Examples      []string
}

// pageChecks puts first the checks that failed or came to no result, then those
// that counted something which the consumer does not claim.
func (v *view) pageChecks(c *harness.Cell) pageChecks {
	var out pageChecks
	for _, check := range v.checkNames(c) {
		row := v.checkRow(c, check)
		quiet := row.Status == harness.Pass || row.Status == harness.NotObserved || row.Status == harness.NotJudged && row.Count == "0"
		if quiet {
			out.Rest = append(out.Rest, row)
		} else {
			out.First = append(out.First, row)
		}
	}
	slices.SortStableFunc(out.First, func(a, b checkRow) int { return checkGravity[b.Status] - checkGravity[a.Status] })
	out.Summary = summarizeChecks(out.Rest)
	return out
}

func summarizeChecks(rows []checkRow) string {
	counts := map[harness.Status]int{}
	for _, r := range rows {
		counts[r.Status]++
	}
	var parts []string
	for _, s := range []struct {
		status harness.Status
		words  string
	}{{harness.Pass, "passed"}, {harness.NotJudged, "found nothing and are not judged"}, {harness.NotObserved, "cannot be observed here"}} {
		if n := counts[s.status]; n > 0 {
			what := formatCount(float64(n))
			if len(parts) == 0 {
				what = plural(n, "check")
			}
			parts = append(parts, what+" "+s.words)
		}
	}
	return strings.Join(parts, ", ")
}

// checkGravity orders the statuses of a check, the gravest last.
var checkGravity = map[harness.Status]int{
	harness.NotJudged: 1, harness.NotObserved: 2, harness.Pass: 3, harness.Overload: 4, harness.Warning: 5, harness.Inconclusive: 6, harness.Fail: 7,
}

// checkRow is a check over the repeats of a cell: the gravest status, with the
// evidence of the first run that has it.
func (v *view) checkRow(c *harness.Cell, check string) checkRow {
	row := checkRow{Check: check}
	var gravest *harness.Verdict
	for _, r := range v.runsOf(c) {
		if f := verdictOf(r, check); f != nil && (gravest == nil || checkGravity[f.Status] > checkGravity[gravest.Status]) {
			gravest = f
		}
	}
	row.HeldTo, row.Status, row.Detail = gravest.HeldTo, gravest.Status, gravest.Detail
	row.Count = countRange(spreadOf(v.runsOf(c), func(r *harness.Run) (float64, bool) {
		f := verdictOf(r, check)
		return float64(verdictCount(f)), f != nil
	}))
	if gravest.Status == harness.Pass && gravest.AtMost > 0 && row.Detail == "" {
		row.Detail = "at most " + v.trialsOf(c).AtMost() + ", with 95 % confidence"
	}
	if gravest.Status == harness.Fail || gravest.Status == harness.Warning {
		for i := range gravest.Examples {
			a := &gravest.Examples[i]
			where := a.DescribeRecord()
			if where == nil {
				where = a.Pods
			}
			sentence, _ := splitEvidence(a.Text) // the output is with the pods
			row.Examples = append(row.Examples, fmt.Sprintf("%s (%s)", sentence, strings.Join(where, ", ")))
		}
	}
	return row
}
