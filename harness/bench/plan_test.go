package bench

import (
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

func TestPlanCountsTheRunsThatMatch(t *testing.T) {
	o := options{scenario: "brief", consumer: "absent,absent@eager", broker: "embedded", repeat: 3}
	m, err := o.resolveMatrix()
	if err != nil {
		t.Fatal(err)
	}
	for run, want := range map[string]int{
		"":                                     6,
		"^TestCompare$":                        6,
		"^TestCompare$/^brief$":                6,
		"^TestCompare$/^other$":                0,
		"^TestCompare$/^brief$/^absent@eager$": 3,
		"^TestCompare$/^brief$/^absent@eager$/^2$": 1,
		"^TestCompare$/brief|other":                6, // go test splits it, the plan does not
	} {
		if got := len(m.plannedRuns(run)); got != want {
			t.Errorf("-run %s: %d runs, want %d", run, got, want)
		}
	}
	if got, want := describePlan(m.plannedRuns("x//eager/2"), m.backend), "1 run on embedded, about 5s"; got != want {
		t.Errorf("in words %q, want %q", got, want)
	}
}

func TestCommandRepeatsOneRunOfAComparison(t *testing.T) {
	selections, err := harness.ParseSelection("absent@eager?workers=3")
	if err != nil {
		t.Fatal(err)
	}
	o := options{broker: "virtual", given: []string{"-broker=virtual", "-consumer=*", "-out=x", "-rate=20", "-repeat=5", "-suite=full", "-scenario=*,churn"}}
	got := runCommand(&o, &harness.Scenario{Name: "brief"}, selections[0], 2)
	want := "go test -tags synctests -count=1 -timeout 0 -v -run '^TestCompare$/^brief$/^absent@eager,workers=3$/^2$' -broker=virtual -rate=20 -out=out/again -scenario=brief '-consumer=absent@eager?workers=3' -repeat=2"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
