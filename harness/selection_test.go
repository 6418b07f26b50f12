package harness

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

type idle struct{}

func (idle) Consume(context.Context, Config, Work) error { return nil }

var (
	_ = Register(Implementation{Name: "alpha", New: newIdle, Knobs: []Knob{
		{Name: "batch", Default: "20", Doc: "records a call", Check: func(v string) error {
			if v == "0" {
				return errors.New("at least 1")
			}
			return nil
		}},
	}})
	_ = Register(Implementation{Name: "alpine", New: newIdle})
	_ = Register(Implementation{Name: "almost", New: newIdle, Mutant: true})
)

func newIdle(Config) (Consumer, error) { return idle{}, nil }

func TestChoices(t *testing.T) {
	for line, want := range map[string]string{
		"alpha":                         "alpha@cooperative",
		"alpha@848":                     "alpha@848",
		"alpha@static":                  "alpha@static",
		"alpha@eager?workers=3&batch=5": "alpha@eager?batch=5&workers=3",
		"al*":                           "alpha@cooperative alpine@cooperative", // mutants are left out
		"almost":                        "almost@cooperative",                   // unless named
		"alpine?commit=50ms&window=7":   "alpine@cooperative?commit=50ms&window=7",
		"beta":                          `error: unknown consumer "beta"`,
		"alpah":                         `did you mean "alpha"`,
		"alpha@coop":                    `did you mean "cooperative"`,
		"alpha?bach=3":                  `did you mean "batch"`,
		"alpine?batch=3":                `unknown knob "batch"`,
		"alpha?batch=0":                 "knob batch: at least 1",
		"alpha?workers=-1":              "knob workers",
		"alpha?workers":                 "want name=value",
		"alpha?batch=1&batch=2":         "given twice",
		"z*":                            "no consumer matches",
		"al[p]*":                        "* is the only wildcard",
		"":                              "unknown consumer",
	} {
		choices, err := ParseSelection(line)
		var got []string
		for _, c := range choices {
			got = append(got, c.Name())
		}
		text := strings.Join(got, " ")
		if err != nil {
			text = "error: " + err.Error()
		}
		if err == nil && text != want || !strings.Contains(text, want) {
			t.Errorf("%q: %s, want %s", line, text, want)
		}
	}
}

func TestKnobsBeatTheConfiguration(t *testing.T) {
	choices, err := ParseSelection("alpha@eager?workers=3&window=9&maxpoll=2&commit=7s")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Workers: 1, Window: 1, MaxPoll: 1, Commit: time.Second, Session: time.Minute}
	if err := choices[0].Apply(&cfg); err != nil {
		t.Fatal(err)
	}
	if cfg.Workers != 3 || cfg.Window != 9 || cfg.MaxPoll != 2 || cfg.Commit != 7*time.Second || cfg.Session != time.Minute ||
		cfg.Protocol != Eager || len(cfg.Knobs) != 1 || cfg.Knobs["batch"] != "20" {
		t.Errorf("got %+v", cfg)
	}
}

func TestRegistrationPanicsOnAProgrammersError(t *testing.T) {
	for name, register := range map[string]func(){
		"a name twice":   func() { Register(Implementation{Name: "alpha", New: newIdle}) },
		"no name":        func() { Register(Implementation{New: newIdle}) },
		"no New":         func() { Register(Implementation{Name: "x"}) },
		"a name with @":  func() { Register(Implementation{Name: "x@y", New: newIdle}) },
		"a name with a,": func() { RegisterScenario(Scenario{Name: "x,y"}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", name)
				}
			}()
			register()
		}()
	}
}

func TestGlobsSelectFromASuite(t *testing.T) {
	for _, s := range []Scenario{
		{Name: "plain-one"}, {Name: "plain-two", Extra: true},
		{Name: "plain-fault", Extra: true, Injections: []Injection{{}}}, {Name: "plain-failing", Failures: Failures{Poison: 0.1}}, {Name: "plain-slow", Slowdown: Slowdown{Factor: 2}},
	} {
		scenarios.add(s.Name, &s)
	}
	for _, tt := range []struct {
		suite Suite
		want  string
	}{
		{"", "plain-failing plain-one plain-slow"},
		{SuiteSmoke, "plain-failing plain-one plain-slow"},
		{SuiteFaults, "plain-failing plain-fault plain-slow"},
		{SuiteFull, "plain-failing plain-fault plain-one plain-slow plain-two"},
	} {
		var names []string
		fit, err := ScenariosLike("plain-*", tt.suite)
		for _, s := range fit {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != tt.want {
			t.Errorf("suite %q: error %v, scenarios %s, want %s", tt.suite, err, got, tt.want)
		}
		if fit, err = ScenariosLike("plain-two", tt.suite); err != nil || len(fit) != 1 {
			t.Errorf("suite %q, by its name: error %v, %d fit", tt.suite, err, len(fit))
		}
	}
	if _, err := ScenariosLike("no-such-*", ""); err == nil || !strings.Contains(err.Error(), "of the suite smoke matches") {
		t.Errorf("error %v", err)
	}
	if _, err := ParseSuite("fault"); err == nil || !strings.Contains(err.Error(), `did you mean "faults"`) {
		t.Errorf("error %v", err)
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3}, {"keyed", "keyde", 2}} {
		if got := EditDistance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
