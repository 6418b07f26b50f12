//go:build synctests

package bench

import "testing"

// Bare clients run before and after the designs of a scenario, and measure what their load takes.
func TestBareClientsRunBeforeAndAfterTheDesigns(t *testing.T) {
	cmd, out := compareVirtual(t, "-baseline=bare", "-scenario=brief")
	printed, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	c := readResult(t, out)
	if len(c.Baselines) != 2 || c.Baselines[0].When != "before" || c.Baselines[1].When != "after" {
		t.Fatalf("the result has the baselines %+v", c.Baselines)
	}
	for _, b := range c.Baselines {
		if b.Scenario != "brief" || b.EndToEnd.N == 0 || b.EndToEnd.N != b.Ack.N || b.EndToEnd.P99 > 10*b.Ack.P99 || b.Completed == 0 || b.Saturated != "" {
			t.Errorf("bare clients %s the designs: %+v", b.When, b)
		}
	}
	if linger := c.Scenarios[0].Linger; linger == 0 || c.Baselines[0].Ack.Max < linger/2 || c.Baselines[0].Ack.Max > 2*linger {
		t.Errorf("acknowledged after %v with a linger of %v: bare clients need the scenario's", c.Baselines[0].Ack.Max, linger)
	}
}
