package engine

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// slowPoster is a back end on which requests cost more, and less at one rate.
type slowPoster struct{ harness.Backend }

func (slowPoster) Linger(rate float64) time.Duration {
	if rate > 99 && rate < 101 {
		return 25 * time.Millisecond
	}
	return time.Second
}

func TestLingerIsTheScenariosThenTheBackEnds(t *testing.T) {
	plain := struct{ harness.Backend }{}
	paced := harness.Load{Pacer: load.Constant{Rate: 100, For: 10 * time.Second}}
	for name, c := range map[string]struct {
		of   harness.Scenario
		on   harness.Backend
		want time.Duration
	}{
		"a back end without one": {harness.Scenario{Load: paced}, plain, harness.DefaultLinger},
		"a back end with one":    {harness.Scenario{Load: paced}, slowPoster{}, 25 * time.Millisecond},
		"a flood":                {harness.Scenario{Load: harness.Load{Pacer: load.Flood{Records: 10}}}, slowPoster{}, time.Second},
		"one record":             {harness.Scenario{Load: harness.Load{Pacer: load.Constant{Rate: 1, For: time.Second}}}, slowPoster{}, time.Second},
		"the scenario's":         {harness.Scenario{Load: paced, Producer: harness.ProducerSettings{Linger: 3}}, slowPoster{}, 3},
		"none":                   {harness.Scenario{Load: paced, Producer: harness.ProducerSettings{Linger: harness.NoLinger}}, slowPoster{}, harness.NoLinger},
	} {
		c.of.Load.Keys, c.of.Service = load.Uniform{N: 10}, load.Fixed(0)
		if got := Linger(&c.of, c.on); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if got := producerSettings(&c.of, c.on).Linger; got != c.want {
			t.Errorf("%s: the producer gets %v, want %v", name, got, c.want)
		}
		if info := InfoOn(c.of, c.on); info.Linger != c.want || info.Producer != "" {
			t.Errorf("%s: the result says %v and %q, want %v", name, info.Linger, info.Producer, c.want)
		}
	}
}
