package bench

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness/engine"
)

func TestSweepIsEveryCombinationOnTopOfTheLine(t *testing.T) {
	setups, err := parseSweep("pods=2,4; keys=uniform:20,hot:0.2/1/100,none", engine.Overrides{Workers: 7, Pods: 9})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range setups {
		if s.over.Workers != 7 {
			t.Errorf("the sweep lost the workers of the line: %+v", s.over)
		}
		got = append(got, s.settings[0].Value+" "+s.settings[1].Value)
	}
	want := "2 uniform:20, 2 hot:0.2/1/100, 2 none, 4 uniform:20, 4 hot:0.2/1/100, 4 none"
	if strings.Join(got, ", ") != want || setups[5].over.Pods != 4 || setups[5].over.Keys != "none" {
		t.Errorf("got %v, want %s", got, want)
	}
	if alone, err := parseSweep("", engine.Overrides{Pods: 9}); err != nil || len(alone) != 1 || alone[0].over.Pods != 9 {
		t.Errorf("without a sweep: %v, %v", alone, err)
	}
}

func TestBadSearchesAreRefusedInWords(t *testing.T) {
	sweep := func(line string) error { _, err := parseSweep(line, engine.Overrides{}); return err }
	checks := func(line string) error { _, err := parseChecks(line); return err }
	peak := func(line string) error { _, err := parseFactor(line); return err }
	for _, c := range []struct {
		parse      func(string) error
		line, want string
	}{
		{sweep, "pots=2", "want NAME=VALUE,VALUE with a name of keys, partitions"},
		{sweep, "pods", "want NAME=VALUE,VALUE"},
		{sweep, "pods=0", `-sweep pods="0": want a whole number above zero`},
		{sweep, "pods=1,", `-sweep pods=""`},
		{sweep, "pods=1;pods=2", "sets pods twice"},
		{sweep, "pods=" + strings.Repeat("1,", 40) + "1;workers=" + strings.Repeat("1,", 40) + "1", "more than 1000 combinations"},
		{checks, "embeded", "embeded"},
		{checks, "virtual", "want a back end in real time"},
		{checks, "embedded=0", "want a number of answers above zero"},
		{peak, "0.5x", "want a factor from 1 to 1000, as 3x"},
		{peak, "x", "want a factor"},
	} {
		if err := c.parse(c.line); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.line, err, c.want)
		}
	}
}

func TestPlanNeedsARate(t *testing.T) {
	o := options{broker: "embedded"}
	o.capacity.peak = "3x"
	if _, err := preparePlan(t.Context(), o); err == nil || !strings.Contains(err.Error(), "RATE=1500") {
		t.Errorf("a plan without a rate: %v", err)
	}
}
