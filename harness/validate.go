//lint:file-ignore ST1005 these errors begin with the name of the field

package harness

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// maxNameLength keeps names readable in tables, and short enough for topics, groups
// and folders, which are made from them.
const maxNameLength = 40

// checkName refuses a name that cannot be part of a topic, a folder and a command.
func checkName(name string) error {
	valid := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	if name == "" || len(name) > maxNameLength || slices.ContainsFunc([]rune(name), func(c rune) bool { return !valid(c) }) {
		return fmt.Errorf("Name %q: want 1 to %d letters, digits, - or _", name, maxNameLength)
	}
	return nil
}

// checkOneOf refuses a value that is not among the valid ones, and proposes the
// nearest of them.
func checkOneOf[T ~string](field string, value T, valid ...T) error {
	if slices.Contains(valid, value) {
		return nil
	}
	var names []string
	for _, v := range valid {
		if v != "" {
			names = append(names, string(v))
		}
	}
	return fmt.Errorf("%s: %w", field, UnknownName("value", string(value), names))
}

// Validate returns an error for each field that no consumer can mean, joined. What
// depends on a configuration is checked by [Implementation.ValidateUnder].
func (i *Implementation) Validate() error {
	errs := []error{
		checkName(i.Name),
		checkOneOf("Delivery", i.Delivery, "", AtMostOnce, AtLeastOnce, ExactlyOnce),
		checkOneOf("Order", i.Order, "", OrderNone, OrderKey, OrderPartition),
		checkOneOf("Effect", i.Effect, EffectWork, EffectOutput),
		checkKnobs(i.Knobs),
	}
	if i.New == nil {
		errs = append(errs, errors.New("New: want a function that makes the consumer, got nil"))
	}
	for _, must := range i.MustFail {
		if must.Scenario == "" || must.Check == "" {
			errs = append(errs, fmt.Errorf("MustFail %+v: want a scenario and a check", must))
		}
	}
	for _, may := range i.MayFail {
		if may.Check == "" || may.Why == "" {
			errs = append(errs, fmt.Errorf("MayFail %+v: want a check and the reason", may))
		}
	}
	return errors.Join(errs...)
}

func checkKnobs(knobs []Knob) error {
	seen := map[string]bool{}
	for n, k := range knobs {
		if err := checkName(k.Name); err != nil {
			return fmt.Errorf("Knobs[%d].%w", n, err)
		}
		if slices.Contains(SharedKnobs, k.Name) {
			return fmt.Errorf("Knobs[%d].Name %q: each consumer has a knob of that name already", n, k.Name)
		}
		if seen[k.Name] {
			return fmt.Errorf("Knobs[%d].Name %q: two knobs have that name", n, k.Name)
		}
		seen[k.Name] = true
		if k.Check == nil || k.Default == "" {
			continue
		}
		if err := k.Check(k.Default); err != nil {
			return fmt.Errorf("Knobs[%d].Default: %w", n, err)
		}
	}
	return nil
}

// ValidateUnder returns an error for what the implementation declares under a
// configuration and cannot mean.
func (i *Implementation) ValidateUnder(cfg Config) error {
	var errs []error
	if n := i.ParallelismOf(cfg); n < 1 {
		errs = append(errs, fmt.Errorf("Parallelism %d: want at least 1", n))
	}
	if n := i.DeadLetterPolicyOf(cfg).Attempts; n < 0 {
		errs = append(errs, fmt.Errorf("DeadLetters.Attempts %d: want 0 or more", n))
	}
	errs = append(errs, checkSideTopics(i.SideTopicsOf(cfg), i.Effect))
	return errors.Join(errs...)
}

func checkSideTopics(topics []SideTopic, effect Effect) error {
	seen, outputs := map[string]bool{}, 0
	for n, s := range topics {
		field := func(err error) error { return fmt.Errorf("SideTopics[%d].%w", n, err) }
		if err := checkName(s.Name); err != nil {
			return field(err)
		}
		if seen[s.Name] {
			return field(fmt.Errorf("Name %q: two side topics have that name", s.Name))
		}
		seen[s.Name] = true
		if err := checkOneOf("Role", s.Role, RoleRetry, RoleOverflow, RoleWide, RoleDelay, RoleDeadLetter, RoleOutput, RoleRanges, RoleState); err != nil {
			return field(err)
		}
		if s.Partitions < 0 || s.Times < 0 {
			return field(fmt.Errorf("Partitions %d, Times %d: want 0 or more", s.Partitions, s.Times))
		}
		if s.Role == RoleOutput {
			outputs++
		}
	}
	if effect == EffectOutput && outputs != 1 {
		return fmt.Errorf("SideTopics: a consumer with EffectOutput has one topic of role %q, got %d", RoleOutput, outputs)
	}
	return nil
}

// Validate returns an error for each field that no scenario can mean, joined.
func (s *Scenario) Validate() error {
	errs := []error{checkName(s.Name), s.Load.validate(), s.Failures.validate(), s.Slowdown.validate()}
	if s.Service == nil {
		errs = append(errs, errors.New("Service: want a distribution of service times, got nil"))
	}
	if s.Prepare < 0 || s.Prepare >= 1 {
		errs = append(errs, fmt.Errorf("Prepare %v: want a share from 0 up to, but not 1", s.Prepare))
	}
	if s.Partitions < 1 || s.Pods < 1 {
		errs = append(errs, fmt.Errorf("Partitions %d, Pods %d: want at least 1", s.Partitions, s.Pods))
	}
	for field, n := range map[string]int{"Spare": s.Spare, "Workers": s.Workers, "Window": s.Window, "MaxPoll": s.MaxPoll} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("%s %d: want 0 or more", field, n))
		}
	}
	for field, d := range map[string]time.Duration{"Commit": s.Commit, "Session": s.Session, "Warmup": s.Warmup, "Drain": s.Drain,
		"Thresholds.Lateness": s.Thresholds.Lateness, "Thresholds.StarvedAfter": s.Thresholds.StarvedAfter, "Thresholds.OthersP99": s.Thresholds.OthersP99} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%s %v: want 0 or more", field, d))
		}
	}
	if t := s.Thresholds; t.OfBound < 0 || t.OfBound > 1 || t.WorkInFlight < 0 {
		errs = append(errs, fmt.Errorf("Thresholds.OfBound %v, WorkInFlight %v: want a share in [0,1], and 0 or more", t.OfBound, t.WorkInFlight))
	}
	for n, in := range s.Injections {
		if err := in.validate(); err != nil {
			errs = append(errs, fmt.Errorf("Injections[%d].%w", n, err))
		}
	}
	return errors.Join(errs...)
}

func (l Load) validate() error {
	switch {
	case l.Pacer == nil:
		return errors.New("Load.Pacer: want a schedule, got nil")
	case l.Keys == nil:
		return errors.New("Load.Keys: want a distribution of keys, got nil")
	case l.Payload != 0 && l.Payload < ledger.IdentitySize:
		return fmt.Errorf("Load.Payload %d: want 0, or at least the %d bytes of the identity", l.Payload, ledger.IdentitySize)
	}
	return nil
}

func (f Failures) validate() error {
	for field, share := range map[string]float64{"Poison": f.Poison, "Panic": f.Panic, "Fraction": f.Fraction} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("Failures.%s %v: want a share in [0,1]", field, share)
		}
	}
	if f.Times < 0 {
		return fmt.Errorf("Failures.Times %d: want 0 or more", f.Times)
	}
	return nil
}

func (s Slowdown) validate() error {
	if s == (Slowdown{}) {
		return nil
	}
	if s.From < 0 || s.To <= s.From || !(s.Factor > 0) {
		return fmt.Errorf("Slowdown %+v: want 0 <= From < To and a Factor above 0", s)
	}
	return nil
}

func (i Injection) validate() error {
	switch {
	case i.Fault == nil:
		return errors.New("Fault: want a fault, got nil")
	case i.Fault.Name() == "":
		return errors.New("Fault: its Name is empty")
	case i.At < 0 || i.HealAfter < 0 || i.HealSessions < 0:
		return fmt.Errorf("At %v, HealAfter %v, HealSessions %d: want 0 or more", i.At, i.HealAfter, i.HealSessions)
	}
	return nil
}
