package bench

import (
	"strings"
	"testing"
)

func TestBaselineWithoutAScenarioThatFitsIsRefused(t *testing.T) {
	for _, c := range []struct {
		baseline string
		poison   float64
		want     string
	}{
		{"naked", 0, "-baseline=naked: want bare"},
		{"bare", 0.1, "want a scenario with a paced load"},
		{"bare", 0, ""},
	} {
		o := options{scenario: "brief", baseline: c.baseline, broker: "embedded"}
		m, err := o.resolveMatrix()
		if err != nil {
			t.Fatal(err)
		}
		m.scenarios[0].Failures.Poison = c.poison
		err = o.checkBaseline(m)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("-baseline=%s with %v poison: %v, want %q", c.baseline, c.poison, err, c.want)
		}
	}
}
