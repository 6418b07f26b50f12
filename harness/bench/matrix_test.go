package bench

import (
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

var _ = harness.Register(harness.Implementation{
	Name: "present", Delivery: harness.AtLeastOnce, Order: harness.OrderKey,
	New: func(harness.Config) (harness.Consumer, error) { return absent{}, nil },
})

var _ = harness.RegisterScenario(harness.Scenario{
	Name: "choosy", Doc: "Does a scenario meet the consumers that it names?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 100, For: time.Second}, Keys: load.Uniform{N: 5}},
	Service:    load.Fixed(0),
	Partitions: 2, Pods: 1,
	Consumers: []string{"present@eager", "not-registered"},
})

func TestScenariosMeetTheConsumersTheyName(t *testing.T) {
	all, err := harness.ParseSelection("*") // with tags there are more than these
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]struct {
		scenario string
		names    []string
		runs     int
	}{
		"":              {"choosy", []string{"present@eager"}, 1},
		"*":             {"choosy", namesOf(all), len(all)},
		"absent":        {"choosy", []string{"absent@cooperative"}, 1},
		"present,pres*": {"choosy,brief", []string{"present@cooperative"}, 2},
	} {
		o := options{scenario: want.scenario, consumer: line, broker: "embedded"}
		m, err := o.resolveMatrix()
		if err != nil {
			t.Fatal(err)
		}
		if names := namesOf(m.consumersBy["choosy"]); !slices.Equal(names, want.names) || m.countRuns() != want.runs {
			t.Errorf("%q: %v and %d runs, want %v and %d", line, names, m.countRuns(), want.names, want.runs)
		}
	}
	o := options{scenario: "brief,choosy", broker: "embedded"}
	m, err := o.resolveMatrix()
	if err != nil || len(m.consumersBy["brief"]) != len(all) || len(m.consumersBy["choosy"]) != 1 || m.countRuns() != len(all)+1 || len(m.consumers) != len(all)+1 {
		t.Errorf("without names: %d, %d and %d runs: %v", len(m.consumersBy["brief"]), len(m.consumersBy["choosy"]), m.countRuns(), err)
	}
}

func namesOf(selections []harness.Selection) (names []string) {
	for _, c := range selections {
		names = append(names, c.Name())
	}
	return names
}
