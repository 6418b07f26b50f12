package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
)

func TestBusyHostSaturatesPacedLoadsAlone(t *testing.T) {
	backend, err := harness.FindBackend("embedded")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		host  harness.HostReport
		pacer harness.Pacer
		want  string
	}{
		"room":                 {harness.HostReport{CPUs: 2, Busy: 0.84}, load.Constant{Rate: 1, For: time.Second}, ""},
		"no room":              {harness.HostReport{CPUs: 2, Busy: 0.97}, load.Constant{Rate: 1, For: time.Second}, "97 % busy"},
		"a hypervisor took it": {harness.HostReport{CPUs: 2, Busy: 0.72, Steal: 0.2}, load.Constant{Rate: 1, For: time.Second}, "90 % busy"},
		"all was taken":        {harness.HostReport{CPUs: 2, Steal: 1}, load.Constant{Rate: 1, For: time.Second}, ""},
		"a flood":              {harness.HostReport{CPUs: 2, Busy: 1}, load.Flood{Records: 10}, ""},
		"no counters":          {harness.HostReport{Busy: 1}, load.Constant{Rate: 1, For: time.Second}, ""},
	} {
		of := harness.Scenario{Load: harness.Load{Pacer: c.pacer}}
		if got := Saturation(&of, backend, c.host); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The mark comes from the samples of the host at the two ends of the measured load. Time of niced work
// counts as well: it may be our own.
func TestSamplesOfTheHostDecideTheMark(t *testing.T) {
	backend, err := harness.FindBackend("embedded")
	if err != nil {
		t.Fatal(err)
	}
	paced := harness.Scenario{Load: harness.Load{Pacer: load.Constant{Rate: 1, For: time.Second}}}
	const before = "cpu  100 100 100 1000 100 0 0 100 0 0\n" // user, nice, system, idle, iowait, irq, softirq, steal
	for name, c := range map[string]struct {
		after string
		want  bool
	}{
		"calm":                      {"cpu  130 100 120 1150 100 0 0 100 0 0\n", false},
		"just room":                 {"cpu  240 100 130 1030 100 0 0 100 0 0\n", false},
		"filled":                    {"cpu  250 100 140 1010 100 0 0 100 0 0\n", true},
		"filled by niced work":      {"cpu  110 280 100 1010 100 0 0 100 0 0\n", true},
		"little left by hypervisor": {"cpu  150 100 140 1010 100 0 0 200 0 0\n", true},
		"waits for disks are room":  {"cpu  130 100 120 1000 250 0 0 100 0 0\n", false},
	} {
		samples := []string{before, c.after}
		host := measure.StartHostFrom(func() ([]byte, error) {
			next := samples[0]
			samples = samples[1:]
			return []byte(next), nil
		})
		if report := host.Stop(); (Saturation(&paced, backend, report) != "") != c.want {
			t.Errorf("%s: %+v, marked is %v", name, report, !c.want)
		}
	}
}
