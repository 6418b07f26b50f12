package mutants_test

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

func TestRunIsComparedWithWhatItsCaseDeclares(t *testing.T) {
	c := mutantCase{
		must: []harness.Expectation{{Scenario: "here", Check: oracle.CheckLoss}, {Scenario: "there", Check: oracle.CheckStall}},
		may:  []harness.Allowance{{Check: oracle.CheckOverlap, Why: "for a reason"}},
	}
	evidence := []harness.Anomaly{{Text: "an example"}}
	loss := harness.Verdict{Check: oracle.CheckLoss, Status: harness.Fail, Count: 1, Examples: evidence}
	with := func(v harness.Verdict, changes ...func(*harness.Verdict)) harness.Verdict {
		for _, change := range changes {
			change(&v)
		}
		return v
	}
	for _, tt := range []struct {
		name     string
		verdicts []harness.Verdict
		want     string // want is in the error, "" for none
	}{
		{"caught", []harness.Verdict{loss, {Check: oracle.CheckStall, Status: harness.Pass}}, ""},
		{"a check that may", []harness.Verdict{loss, {Check: oracle.CheckOverlap, Status: harness.Fail, Count: 2}}, ""},
		{"a count of a claim that it does not make", []harness.Verdict{loss, {Check: oracle.CheckKeyInversion, Status: harness.NotJudged, Count: 2}}, ""},
		{"a count that means something for every consumer", []harness.Verdict{loss, {Check: oracle.CheckRedeliveryOutOfOrder, Status: harness.NotJudged, Count: 2}}, "never: \"redelivery out of order\""},
		{"a check that never may", []harness.Verdict{loss, {Check: oracle.CheckPhantom, Status: harness.Fail, Count: 2}}, "never: \"phantom\""},
		{"not caught", []harness.Verdict{with(loss, func(v *harness.Verdict) { v.Status, v.Count = harness.Pass, 0 })}, "must: \"loss\" did not"},
		{"inconclusive", []harness.Verdict{with(loss, func(v *harness.Verdict) { v.Status = harness.Inconclusive })}, "must: \"loss\" did not"},
		{"without evidence", []harness.Verdict{with(loss, func(v *harness.Verdict) { v.Examples = nil })}, "without evidence"},
		{"unknown check", nil, "there is no check \"loss\""},
	} {
		err := c.compareWithDeclared(&harness.Run{Scenario: "here", Verdicts: tt.verdicts})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
