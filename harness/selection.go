package harness

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Selection is a consumer as the command line names it: name[@protocol][?knob=v&knob=v].
type Selection struct {
	Implementation *Implementation
	Protocol       Protocol
	Knobs          map[string]string // Knobs are those given, checked, the shared ones (workers, window, ...) too.
}

// sharedKnobs are settings of [Config] that every consumer takes as a knob.
var sharedKnobs = map[string]func(c *Config, v string) error{
	"workers": func(c *Config, v string) error { return parsePositive(v, &c.Workers) },
	"window":  func(c *Config, v string) error { return parsePositive(v, &c.Window) },
	"maxpoll": func(c *Config, v string) error { return parsePositive(v, &c.MaxPoll) },
	"commit":  func(c *Config, v string) error { return parseInterval(v, &c.Commit) },
}

// SharedKnobs are the names of the settings that every consumer takes as a knob.
var SharedKnobs = []string{"workers", "window", "maxpoll", "commit"}

func parsePositive(v string, to *int) error {
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 {
		return fmt.Errorf("%q is not a whole number above zero", v)
	}
	*to = n
	return nil
}

func parseInterval(v string, to *time.Duration) error {
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is not a duration above zero, as 500ms", v)
	}
	*to = d
	return nil
}

// ParseSelection reads one consumer of the command line. A name with * globs stands
// for every matching consumer, except mutants.
func ParseSelection(s string) ([]Selection, error) {
	head, query, _ := strings.Cut(s, "?")
	name, protocol, named := strings.Cut(head, "@")
	if !named {
		protocol = string(Protocols[0])
	}
	if !slices.Contains(Protocols, Protocol(protocol)) {
		return nil, fmt.Errorf("consumer %q: %w", s, UnknownName("protocol", protocol, protocolNames()))
	}
	impls, err := implementationsLike(name)
	if err != nil {
		return nil, err
	}
	knobs, err := parseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("consumer %q: %w", s, err)
	}
	var choices []Selection
	for _, i := range impls {
		c := Selection{Implementation: i, Protocol: Protocol(protocol), Knobs: knobs}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("consumer %q: %w", s, err)
		}
		choices = append(choices, c)
	}
	return choices, nil
}

func protocolNames() (names []string) {
	for _, p := range Protocols {
		names = append(names, string(p))
	}
	return names
}

func implementationsLike(name string) ([]*Implementation, error) {
	if !strings.Contains(name, "*") {
		i, err := FindImplementation(name)
		return []*Implementation{i}, err
	}
	if strings.ContainsAny(name, "?[\\") {
		return nil, fmt.Errorf("consumer %q: * is the only wildcard", name)
	}
	var fit []*Implementation
	for _, i := range Implementations() {
		if ok, _ := path.Match(name, i.Name); ok && !i.Mutant {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return nil, fmt.Errorf("no consumer matches %q", name)
	}
	return fit, nil
}

func parseQuery(query string) (map[string]string, error) {
	if query == "" {
		return nil, nil
	}
	knobs := map[string]string{}
	for _, pair := range strings.Split(query, "&") {
		k, v, ok := strings.Cut(pair, "=")
		if !ok || k == "" || v == "" {
			return nil, fmt.Errorf("knob %q: want name=value", pair)
		}
		if _, dup := knobs[k]; dup {
			return nil, fmt.Errorf("knob %q is given twice", k)
		}
		knobs[k] = v
	}
	return knobs, nil
}

// check refuses knobs that the implementation does not declare, and bad values.
func (c Selection) check() error {
	known := slices.Clone(SharedKnobs)
	for _, k := range c.Implementation.Knobs {
		known = append(known, k.Name)
	}
	for name, value := range c.Knobs {
		var err error
		if set, ok := sharedKnobs[name]; ok {
			err = set(new(Config), value)
		} else if i := slices.IndexFunc(c.Implementation.Knobs, func(k Knob) bool { return k.Name == name }); i < 0 {
			return UnknownName("knob", name, known)
		} else if f := c.Implementation.Knobs[i].Check; f != nil {
			err = f(value)
		}
		if err != nil {
			return fmt.Errorf("knob %s: %w", name, err)
		}
	}
	return nil
}

// Name is the canonical form of the selection: with the protocol, and knobs sorted.
func (c Selection) Name() string {
	s := c.Implementation.Name + "@" + string(c.Protocol)
	sep := "?"
	for _, k := range sortedKeys(c.Knobs) {
		s += sep + k + "=" + c.Knobs[k]
		sep = "&"
	}
	return s
}

// Apply sets protocol and knobs of a configuration; a knob overrides its present value.
func (c Selection) Apply(cfg *Config) error {
	cfg.Protocol = c.Protocol
	cfg.Knobs = map[string]string{}
	for _, k := range c.Implementation.Knobs {
		cfg.Knobs[k.Name] = k.Default
	}
	for name, value := range c.Knobs {
		if set, ok := sharedKnobs[name]; ok {
			if err := set(cfg, value); err != nil {
				return fmt.Errorf("knob %s: %w", name, err)
			}
			continue
		}
		cfg.Knobs[name] = value
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

// Suite is a set of scenarios by name: what a glob selects from.
type Suite string

// The suites.
const (
	SuiteSmoke  Suite = "smoke"  // SuiteSmoke has all scenarios but the extra ones.
	SuiteFaults Suite = "faults" // SuiteFaults has all scenarios in which something goes wrong.
	SuiteFull   Suite = "full"   // SuiteFull has all scenarios.
)

// ParseSuite reads the name of a suite. "" is [SuiteSmoke].
func ParseSuite(name string) (Suite, error) {
	switch s := Suite(name); s {
	case "":
		return SuiteSmoke, nil
	case SuiteSmoke, SuiteFaults, SuiteFull:
		return s, nil
	}
	return "", UnknownName("suite", name, []string{string(SuiteSmoke), string(SuiteFaults), string(SuiteFull)})
}

// Has reports whether a scenario belongs to the suite.
func (u Suite) Has(s *Scenario) bool {
	switch u {
	case SuiteFull:
		return true
	case SuiteFaults:
		return s.goesWrong()
	}
	return !s.Extra
}

// goesWrong reports whether the scenario has faults, or work that fails or slows down.
func (s *Scenario) goesWrong() bool {
	return len(s.Injections) > 0 || s.Failures.Fails() || s.Slowdown.Factor > 0
}

// ScenariosLike are the scenarios of a suite that a name with * globs matches. A name without
// globs is one scenario, whatever its suite.
func ScenariosLike(name string, suite Suite) ([]*Scenario, error) {
	if !strings.Contains(name, "*") {
		s, err := FindScenario(name)
		return []*Scenario{s}, err
	}
	var fit []*Scenario
	for _, s := range Scenarios() {
		if ok, _ := path.Match(name, s.Name); ok && suite.Has(s) {
			fit = append(fit, s)
		}
	}
	if len(fit) == 0 {
		return nil, fmt.Errorf("no scenario of the suite %s matches %q", cmp.Or(suite, SuiteSmoke), name)
	}
	return fit, nil
}
