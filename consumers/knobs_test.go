package consumers

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// A bad value is refused before a run begins, not by a pod that ends.
func TestKnobsRejectInvalidValues(t *testing.T) {
	for _, c := range []struct {
		consumer, knob string
		good, bad      []string
	}{
		{"forward", "width", []string{"1", "100"}, []string{"", "0", "-1", "101", "2.5", "x"}},
		{"skip-compensate", "lag", []string{"1", "2147483648"}, []string{"", "0", "-5", "1k"}},
		{"hotlane", "hot", []string{"2", "10000"}, []string{"", "1", "10001", "x"}},
		{"share", "clients", []string{"0", "100"}, []string{"", "-1", "101", "x"}},
		{"retry-ordered", "attempts", []string{"1", "1000000"}, []string{"", "0", "x"}},
		{"retry-dlq", "delays", []string{"1ms", "1us/2s"}, []string{"", "0s", "-1s", "100", "1s/"}},
		{"keyed-batch", "batch", []string{"1", "10000"}, []string{"", "0", "-1", "x", "1.5", "10001"}},
		{"adaptive", "least", []string{"1", "100"}, []string{"", "0", "-1", "x"}},
		{"delay", "levels", []string{"1ms", "100ms/1.5s/2h"}, []string{"", "0s", "-1s", "100", "1s/", "1s/1000ms", "1us"}},
	} {
		i, err := harness.FindImplementation(c.consumer)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range i.Knobs {
			if k.Name != c.knob {
				continue
			}
			for _, v := range append(c.good, k.Default) {
				if err := k.Check(v); err != nil {
					t.Errorf("%s?%s=%s: %v", c.consumer, c.knob, v, err)
				}
			}
			for _, v := range c.bad {
				if k.Check(v) == nil {
					t.Errorf("%s?%s=%s passes", c.consumer, c.knob, v)
				}
			}
		}
	}
	if got := levelTopic(90 * time.Minute); got != "delay-1h30m0s" {
		t.Errorf("topic of a delay of 90 minutes: %s", got)
	}
}
