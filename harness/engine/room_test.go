package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
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
