package harness

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// maxNameLength keeps names readable in tables, and short enough for topics, groups
// and folders, which are made from them.
const maxNameLength = 40

// fieldError is a field with a value that means nothing.
type fieldError struct{ field, want, got string }

func (e *fieldError) Error() string { return e.field + ": want " + e.want + ", got " + e.got }

// refuseField is the error for the value of a field.
func refuseField(field, want string, got any) error {
	return &fieldError{field, want, fmt.Sprintf("%v", got)}
}

// checkName refuses a name that cannot be part of a topic, a folder and a command.
func checkName(field, name string) error {
	return checkText(field, name, "-_", "letters, digits, - or _")
}

// checkWords refuses a name that is no words in a sentence.
func checkWords(field, name string) error {
	return checkText(field, name, "-_ ", "letters, digits, spaces, - or _")
}

func checkText(field, name, more, want string) error {
	valid := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(more, c)
	}
	if strings.TrimSpace(name) == "" || len(name) > maxNameLength || slices.ContainsFunc([]rune(name), func(c rune) bool { return !valid(c) }) {
		return refuseField(field, fmt.Sprintf("1 to %d %s", maxNameLength, want), strconv.Quote(name))
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

// checkLeast refuses a number below the least that means something.
func checkLeast[T ~int | ~int64](field string, value, least T) error {
	if value < least {
		return refuseField(field, fmt.Sprintf("at least %v", least), value)
	}
	return nil
}

// checkShare refuses what is no share in [0,1].
func checkShare(field string, share float64) error {
	if !(share >= 0 && share <= 1) {
		return refuseField(field, "a share in [0,1]", share)
	}
	return nil
}

// checkSet refuses a field that is nil.
func checkSet(field, want string, isNil bool) error {
	if isNil {
		return refuseField(field, want, "nil")
	}
	return nil
}

// Validate returns an error for each field with a value that means nothing, joined.
// What depends on a configuration is checked by [Implementation.ValidateUnder].
func (i *Implementation) Validate() error {
	errs := []error{
		checkName("Name", i.Name),
		checkOneOf("Delivery", i.Delivery, "", AtMostOnce, AtLeastOnce, ExactlyOnce),
		checkOneOf("Order", i.Order, "", OrderNone, OrderKey, OrderPartition),
		checkOneOf("Redelivery", i.Redelivery, "", RedeliveryBounded, RedeliveryAny),
		checkOneOf("Effect", i.Effect, EffectWork, EffectOutput),
		checkKnobs(i.Knobs),
		checkSet("New", "a function that makes the consumer", i.New == nil),
	}
	if i.Redelivery.AllowsAny() && i.Delivery != AtLeastOnce {
		errs = append(errs, refuseField("Redelivery", fmt.Sprintf("%q unless Delivery is %q", RedeliveryBounded, AtLeastOnce), i.Redelivery))
	}
	for n, must := range i.MustFail {
		if must.Scenario == "" || must.Check == "" {
			errs = append(errs, refuseField(fmt.Sprintf("MustFail[%d]", n), "a scenario and a check", fmt.Sprintf("%+v", must)))
		}
	}
	for n, may := range i.MayFail {
		if may.Check == "" || may.Why == "" {
			errs = append(errs, refuseField(fmt.Sprintf("MayFail[%d]", n), "a check and the reason", fmt.Sprintf("%+v", may)))
		}
	}
	return errors.Join(errs...)
}

func checkKnobs(knobs []Knob) error {
	seen := map[string]bool{}
	for n, k := range knobs {
		field := fmt.Sprintf("Knobs[%d].", n)
		if err := checkName(field+"Name", k.Name); err != nil {
			return err
		}
		if slices.Contains(SharedKnobs, k.Name) || seen[k.Name] {
			return refuseField(field+"Name", "a name that no other knob of the consumer has", strconv.Quote(k.Name))
		}
		seen[k.Name] = true
		if k.Check == nil || k.Default == "" {
			continue
		}
		if err := k.Check(k.Default); err != nil {
			return fmt.Errorf("%sDefault: %w", field, err)
		}
	}
	return nil
}

// ValidateUnder returns an error for what the implementation declares under a
// configuration, if that means nothing.
func (i *Implementation) ValidateUnder(cfg Config) error {
	return errors.Join(
		checkLeast("Parallelism", i.ParallelismOf(cfg), 1), checkLeast("Buffering", i.BufferingOf(cfg), 0),
		checkLeast("DeadLetters.Attempts", i.DeadLetterPolicyOf(cfg).Attempts, 0),
		checkSideTopics(i.SideTopicsOf(cfg), i.Effect), i.SerialOf(cfg).validateSerial(),
	)
}

func checkSideTopics(topics []SideTopic, effect Effect) error {
	seen, outputs := map[string]bool{}, 0
	for n, s := range topics {
		field := fmt.Sprintf("SideTopics[%d].", n)
		if err := errors.Join(
			checkName(field+"Name", s.Name),
			checkOneOf(field+"Role", s.Role, RoleRetry, RoleOverflow, RoleWide, RoleDelay, RoleDeadLetter, RoleOutput, RoleRanges, RoleState),
			checkLeast(field+"Partitions", s.Partitions, 0),
			checkLeast(field+"Times", s.Times, 0),
		); err != nil {
			return err
		}
		if seen[s.Name] {
			return refuseField(field+"Name", "a name that no other side topic has", strconv.Quote(s.Name))
		}
		seen[s.Name] = true
		if s.Role == RoleOutput {
			outputs++
		}
	}
	if effect == EffectOutput && outputs != 1 {
		return refuseField("SideTopics", fmt.Sprintf("one topic of role %q, since Effect is %q", RoleOutput, effect), outputs)
	}
	return nil
}

// Validate returns an error for each field with a value that means nothing, joined.
func (s *Scenario) Validate() error {
	must := s.Conditions
	errs := []error{
		checkName("Name", s.Name), s.Load.validateLoad(), s.Producer.validateProducer(), s.Failures.validateFailures(), s.Slowdown.validateSlowdown(),
		checkSet("Service", "a distribution of service times", s.Service == nil),
		checkLeast("Partitions", s.Partitions, 1), checkReplicas(s.Replicas), checkTopicConfig(s.TopicConfig), checkLeast("Pods", s.Pods, 1), checkLeast("Spare", s.Spare, 0),
		checkLeast("Workers", s.Workers, 0), checkLeast("Window", s.Window, 0), checkLeast("MaxPoll", s.MaxPoll, 0),
		checkLeast("Commit", s.Commit, 0), checkLeast("Session", s.Session, 0), checkLeast("Warmup", s.Warmup, 0), checkLeast("Drain", s.Drain, 0),
		checkLeast("Conditions.Lateness", must.Lateness, 0),
	}
	if !(s.Prepare >= 0 && s.Prepare < 1) {
		errs = append(errs, refuseField("Prepare", "a share in [0,1)", s.Prepare))
	}
	if !(must.WorkInFlight >= 0) {
		errs = append(errs, refuseField("Conditions.WorkInFlight", "a number of commit intervals, 0 or more", must.WorkInFlight))
	}
	for n, in := range s.Injections {
		errs = append(errs, in.validateInjection(fmt.Sprintf("Injections[%d].", n)))
	}
	return errors.Join(errs...)
}

// maxReplicas is the number of brokers of a run.
const maxReplicas = 3

func checkReplicas(n int) error {
	if n < 0 || n > maxReplicas {
		return refuseField("Replicas", fmt.Sprintf("1 to %d, or 0 for %d", maxReplicas, maxReplicas), n)
	}
	return nil
}

// checkTopicConfig refuses settings that are none, and those on which the harness relies.
func checkTopicConfig(config map[string]string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(config)) {
		field := fmt.Sprintf("TopicConfig[%q]", name)
		if slices.Contains([]string{"message.timestamp.type", "cleanup.policy"}, name) {
			errs = append(errs, refuseField(field, "another setting: the harness relies on its default", config[name]))
		}
		errs = append(errs, checkText(field+" (the name)", name, ".", "letters, digits or dots"))
		if config[name] == "" {
			errs = append(errs, refuseField(field, "a value", `""`))
		}
	}
	return errors.Join(errs...)
}

func (l Load) validateLoad() error {
	errs := []error{
		checkSet("Load.Pacer", "a schedule", l.Pacer == nil),
		checkSet("Load.Keys", "a distribution of keys", l.Keys == nil),
	}
	if l.Payload != 0 && l.Payload < ledger.IdentitySize {
		errs = append(errs, refuseField("Load.Payload", fmt.Sprintf("0, or at least the %d bytes of the identity", ledger.IdentitySize), l.Payload))
	}
	return errors.Join(errs...)
}

func (f Failures) validateFailures() error {
	return errors.Join(
		checkShare("Failures.Poison", f.Poison), checkShare("Failures.Panic", f.Panic),
		checkShare("Failures.Fraction", f.Fraction), checkLeast("Failures.Times", f.Times, -1),
		checkFailuresTime(f),
	)
}

// checkFailuresTime refuses failures that end before they begin, and a time without failures.
func checkFailuresTime(f Failures) error {
	if f.From < 0 || f.To < 0 || f.To != 0 && f.To <= f.From || !f.Fails() && (f.From != 0 || f.To != 0) {
		return refuseField("Failures", "0 <= From, and To above From or 0, of work that fails", fmt.Sprintf("from %v to %v", f.From, f.To))
	}
	return nil
}

func (s Slowdown) validateSlowdown() error {
	if err := checkShare("Slowdown.Fraction", s.Fraction); err != nil {
		return err
	}
	if s != (Slowdown{}) && (s.From < 0 || s.To <= s.From || !(s.Factor > 0)) {
		return refuseField("Slowdown", "0 <= From < To and a Factor above 0", fmt.Sprintf("%+v", s))
	}
	return nil
}

func (i Injection) validateInjection(field string) error {
	if i.Fault == nil {
		return refuseField(field+"Fault", "a fault", "nil")
	}
	return errors.Join(checkWords(field+"Fault.Name()", i.Fault.Name()), checkLeast(field+"At", i.At, 0), checkLeast(field+"HealAfter", i.HealAfter, 0), checkLeast(field+"HealSessions", i.HealSessions, 0))
}
