package engine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

type noFault struct{}

func (noFault) Name() string { return "nothing" }

func (noFault) Inject(context.Context, *harness.Env) (func(context.Context) error, error) {
	return nil, nil
}

func (noFault) Verify(context.Context, *harness.Env) error { return nil }

func TestOverridesRefuseScenariosThatDoNotFit(t *testing.T) {
	base := harness.Scenario{
		Name: "x", Load: harness.Load{Pacer: load.Constant{Rate: 100, For: 10 * time.Second}, Keys: load.Uniform{N: 10}},
		Service: load.Fixed(time.Millisecond), Warmup: 2 * time.Second,
		Injections: []harness.Injection{{Fault: noFault{}, At: 5 * time.Second, HealSessions: 1}},
	}
	for _, c := range []struct {
		name string
		over Overrides
		want string // "" for no error
	}{
		{"as it is", Overrides{}, ""},
		{"load shorter than the warm-up", Overrides{Duration: time.Second}, "warm-up"},
		{"load over before the fault", Overrides{Duration: 3 * time.Second}, "make the load longer"},
		{"session longer than the run", Overrides{Session: time.Minute}, "cannot show"},
		{"session too short", Overrides{Session: time.Millisecond}, "too short"},
		{"heal after the end", Overrides{Session: 24 * time.Second, Duration: 25 * time.Second}, ""},
		{"drain shorter than a stall", Overrides{Session: 27 * time.Second, Duration: time.Minute, Commit: time.Second}, "tell a stall"},
		{"payload too small", Overrides{Payload: 10}, "identity"},
		{"objectives that contradict each other", Overrides{Objectives: "p99<1s, p50>2s"}, "no run meets both objectives"},
		{"bad keys", Overrides{Keys: "uniform"}, "keys"},
		{"bad service", Overrides{Service: "soon"}, "service"},
		{"commit longer than the drain", Overrides{Commit: time.Hour}, "commit interval"},
	} {
		_, err := c.over.Apply(base)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want one about %q", c.name, err, c.want)
		}
	}
	failing := base
	failing.Failures.Fraction = 2
	if _, err := (Overrides{}).Apply(failing); err == nil || !strings.Contains(err.Error(), "Failures.Fraction") {
		t.Errorf("failing work: error %v", err)
	}
	base.Load.Pacer = load.Flood{Records: 10}
	base.Injections, base.Warmup = nil, 0
	if _, err := (Overrides{Rate: 5}).Apply(base); err == nil || !strings.Contains(err.Error(), "no rate") {
		t.Errorf("a rate for a flood: %v", err)
	}
}

func TestOverridesReplaceValuesOfTheScenario(t *testing.T) {
	s, err := Overrides{Rate: 50, Duration: 4 * time.Second, Partitions: 7, Pods: 2, Workers: 3, Window: 9, Payload: 99, Service: "3ms", Keys: "uniform:5", Commit: time.Second / 2, Session: 3 * time.Second}.Apply(
		harness.Scenario{Name: "x", Load: harness.Load{Pacer: load.Constant{Rate: 1, For: time.Second}, Keys: load.Uniform{N: 1}, Payload: 50}, Service: load.Fixed(1), Partitions: 1, Pods: 1, Workers: 1, Window: 1, Commit: 1, Session: 1})
	if err != nil {
		t.Fatal(err)
	}
	info := Info(s)
	if n, _, last := load.Extent(s.Load.Pacer); n != 200 || last > 4*time.Second || info.Keys != "uniform:5" || info.Service != "3ms" ||
		info.Partitions != 7 || info.Pods != 2 || info.Workers != 3 || info.Window != 9 || info.Payload != 99 || info.Commit != time.Second/2 || info.Session != 3*time.Second {
		t.Errorf("%d records in %v, %+v", n, last, info)
	}
}

// wide are values of 100 to 300 bytes.
type wide struct{ longest int }

func (wide) Size(n, _ uint64) int { return 100 + int(n%201) }
func (w wide) Max() int           { return w.longest }
func (wide) Mean() float64        { return 199.6 }
func (wide) String() string       { return "100 to 300 bytes" }

func TestOverridesKeepSizesUnlessAPayloadIsGiven(t *testing.T) {
	s := harness.Scenario{Name: "x", Load: harness.Load{Pacer: load.Constant{Rate: 1, For: time.Second}, Keys: load.Uniform{N: 1}, Sizes: wide{300}}, Service: load.Fixed(1)}
	kept, err := Overrides{}.Apply(s)
	if err != nil || kept.Load.Payload != 200 || kept.Load.Sizes == nil || Info(kept).Sizes != "100 to 300 bytes" {
		t.Errorf("payload %d, sizes %v, %v; want the mean of the sizes", kept.Load.Payload, kept.Load.Sizes, err)
	}
	given, err := Overrides{Payload: 77}.Apply(s)
	if err != nil || given.Load.Payload != 77 || given.Load.Sizes != nil || Info(given).Sizes != "" {
		t.Errorf("payload %d, sizes %v, %v; want 77 bytes each", given.Load.Payload, given.Load.Sizes, err)
	}
	for longest, want := range map[int]string{200: "record 101", 1 << 20: "1048576 bytes"} {
		s.Load.Sizes = wide{longest}
		if _, err := (Overrides{}).Apply(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("values of up to %d bytes: %v, want an error that says %q", longest, err, want)
		}
	}
}

// Objectives of the command line add to those of the scenario, or take the place of those that
// limit the same.
func TestOverridesAddObjectives(t *testing.T) {
	s := harness.Scenario{
		Name: "x", Load: harness.Load{Pacer: load.Constant{Rate: 100, For: 10 * time.Second}, Keys: load.Uniform{N: 10}},
		Service: load.Fixed(time.Millisecond), Objectives: "of-bound >= 90%, p99<1s",
	}
	for over, want := range map[string]string{"": "of-bound>=90%, p99<1s", "p99<=2s,trend<1%": "of-bound>=90%, p99<=2s, trend<1%"} {
		if got, err := (Overrides{Objectives: over}).Apply(s); err != nil || got.Objectives != want {
			t.Errorf("with %q they are %q, %v; want %q", over, got.Objectives, err, want)
		}
	}
	s.Objectives = "p99<soon"
	if _, err := (Overrides{}).Apply(s); err == nil || !strings.Contains(err.Error(), "scenario x: objective p99<soon") {
		t.Errorf("the error is %v", err)
	}
}
