package engine

import (
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// A pod that gets no processor is late in all that it does. What it does not do in time is no failure then. What no
// lack of CPU can cause is one.
func TestStarvedPodThatDoesNotStopInTimeDoesNotFail(t *testing.T) {
	one := []harness.Anomaly{{Text: "a finding"}}
	for name, tt := range map[string]struct {
		found   livenessFindings
		starved string
		want    harness.Status
	}{
		"late":                     {livenessFindings{late: one}, "", harness.Fail},
		"late, starved":            {livenessFindings{late: one}, "pod-1.1 was expelled", harness.Inconclusive},
		"ended by itself, starved": {livenessFindings{certain: one, late: one}, "pod-1.1 was expelled", harness.Fail},
		"nothing, starved":         {livenessFindings{}, "pod-1.1 was expelled", harness.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			v := tt.found.toVerdict(tt.starved)
			if v.Status != tt.want || int(v.Count) != len(v.Examples) {
				t.Errorf("%s with %d anomalies, want %s", v.Status, v.Count, tt.want)
			}
		})
	}
}
