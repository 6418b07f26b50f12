package harness_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

type anyPacer struct{}

func (anyPacer) At(uint64) (time.Duration, bool) { return 0, false }
func (anyPacer) String() string                  { return "nothing" }

type anyKeys struct{}

func (anyKeys) Key(uint64, *rand.Rand) uint32 { return 0 }
func (anyKeys) Count() int                    { return 1 }
func (anyKeys) String() string                { return "one" }

type anyService struct{}

func (anyService) Time(float64) time.Duration { return 0 }
func (anyService) Mean() time.Duration        { return 0 }
func (anyService) CPU() bool                  { return false }
func (anyService) String() string             { return "0s" }

type anyFault struct{ name string }

func (f anyFault) Name() string { return f.name }
func (anyFault) Inject(context.Context, *harness.Env) (func(context.Context) error, error) {
	return nil, nil
}

func (anyFault) Verify(context.Context, *harness.Env) error { return nil }

func goodImplementation() harness.Implementation {
	return harness.Implementation{
		Name: "good", Delivery: harness.AtLeastOnce, Order: harness.OrderKey,
		New: func(harness.Config) (harness.Consumer, error) { return nil, nil },
	}
}

func goodScenario() harness.Scenario {
	return harness.Scenario{
		Name: "good", Load: harness.Load{Pacer: anyPacer{}, Keys: anyKeys{}}, Service: anyService{}, Partitions: 1, Pods: 1,
	}
}

// TestImplementationFieldsAreValidated has a bad value for each field that can have
// one, and what the error must say.
func TestImplementationFieldsAreValidated(t *testing.T) {
	knob := func(k ...harness.Knob) func(*harness.Implementation) {
		return func(i *harness.Implementation) { i.Knobs = k }
	}
	refuse := func(string) error { return context.Canceled }
	for name, tt := range map[string]struct {
		spoil func(*harness.Implementation)
		want  string
	}{
		"good":               {func(*harness.Implementation) {}, ""},
		"claims nothing":     {func(i *harness.Implementation) { i.Delivery, i.Order = "", "" }, ""},
		"Name empty":         {func(i *harness.Implementation) { i.Name = "" }, `Name: want 1 to 40 letters, digits, - or _, got ""`},
		"Name dots":          {func(i *harness.Implementation) { i.Name = ".." }, `got ".."`},
		"Name markup":        {func(i *harness.Implementation) { i.Name = "<svg onload=x>" }, "Name: want"},
		"Name long":          {func(i *harness.Implementation) { i.Name = strings.Repeat("a", 41) }, "want 1 to 40"},
		"Name newline":       {func(i *harness.Implementation) { i.Name = "a\nb" }, "Name: want"},
		"any repeats":        {func(i *harness.Implementation) { i.Redelivery = harness.RedeliveryAny }, ""},
		"Redelivery":         {func(i *harness.Implementation) { i.Redelivery = "all" }, `Redelivery: unknown value "all", did you mean "any"`},
		"repeats of nothing": {func(i *harness.Implementation) { i.Redelivery, i.Delivery = harness.RedeliveryAny, harness.AtMostOnce }, `Redelivery: want "bounded" unless Delivery is "at-least-once", got any`},
		"Delivery":           {func(i *harness.Implementation) { i.Delivery = "at-least-onc" }, `Delivery: unknown value "at-least-onc", did you mean "at-least-once"`},
		"Order":              {func(i *harness.Implementation) { i.Order = "keys" }, `Order: unknown value "keys", did you mean "key"`},
		"Effect":             {func(i *harness.Implementation) { i.Effect = "outputs" }, `Effect: unknown value "outputs", did you mean "output"`},
		"New":                {func(i *harness.Implementation) { i.New = nil }, "New: want a function that makes the consumer, got nil"},
		"MustFail":           {func(i *harness.Implementation) { i.MustFail = []harness.Expectation{{Check: "loss"}} }, "MustFail"},
		"MayFail":            {func(i *harness.Implementation) { i.MayFail = []harness.Allowance{{Check: "loss"}} }, "MayFail"},
		"Knob name":          {knob(harness.Knob{Name: "a b"}), `Knobs[0].Name: want`},
		"Knob shared":        {knob(harness.Knob{Name: "workers"}), `Knobs[0].Name: want a name that no other knob of the consumer has, got "workers"`},
		"Knob twice":         {knob(harness.Knob{Name: "a"}, harness.Knob{Name: "a"}), `Knobs[1].Name: want a name that no other knob`},
		"Knob default":       {knob(harness.Knob{Name: "a", Default: "1", Check: refuse}), "Knobs[0].Default: context canceled"},
		"two fields at once": {func(i *harness.Implementation) { i.Name, i.Order = "", "keys" }, "Order: unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			i := goodImplementation()
			tt.spoil(&i)
			wantError(t, i.Validate(), tt.want)
		})
	}
}

// TestDeclarationsAreValidatedUnderAConfiguration is the same for what depends on
// the configuration.
func TestDeclarationsAreValidatedUnderAConfiguration(t *testing.T) {
	topics := func(s ...harness.SideTopic) func(*harness.Implementation) {
		return func(i *harness.Implementation) { i.SideTopics = func(harness.Config) []harness.SideTopic { return s } }
	}
	for name, tt := range map[string]struct {
		spoil func(*harness.Implementation)
		want  string
	}{
		"good":        {topics(harness.SideTopic{Name: "retry-1", Role: harness.RoleRetry}), ""},
		"Parallelism": {func(i *harness.Implementation) { i.Parallelism = func(harness.Config) int { return 0 } }, "Parallelism: want at least 1, got 0"},
		"DeadLetters": {func(i *harness.Implementation) {
			i.DeadLetters = func(harness.Config) harness.DeadLetterPolicy { return harness.DeadLetterPolicy{Attempts: -1} }
		}, "DeadLetters.Attempts: want at least 0, got -1"},
		"SideTopics name":  {topics(harness.SideTopic{Name: "a/b", Role: harness.RoleRetry}), `SideTopics[0].Name: want`},
		"SideTopics twice": {topics(harness.SideTopic{Name: "a", Role: harness.RoleRetry}, harness.SideTopic{Name: "a", Role: harness.RoleDelay}), `SideTopics[1].Name: want a name that no other side topic has`},
		"SideTopics role":  {topics(harness.SideTopic{Name: "a", Role: "retri"}), `did you mean "retry"`},
		"SideTopics parts": {topics(harness.SideTopic{Name: "a", Role: harness.RoleRetry, Partitions: -1}), "Partitions: want at least 0, got -1"},
		"SideTopics times": {topics(harness.SideTopic{Name: "a", Role: harness.RoleRetry, Times: -2}), "Times: want at least 0, got -2"},
		"no output topic":  {func(i *harness.Implementation) { i.Effect = harness.EffectOutput }, `SideTopics: want one topic of role "output", since Effect is "output", got 0`},
	} {
		t.Run(name, func(t *testing.T) {
			i := goodImplementation()
			tt.spoil(&i)
			wantError(t, i.ValidateUnder(harness.Config{}), tt.want)
		})
	}
}

// TestScenarioFieldsAreValidated has a bad value for each field of a scenario and of
// its injections.
func TestScenarioFieldsAreValidated(t *testing.T) {
	inject := func(in harness.Injection) func(*harness.Scenario) {
		return func(s *harness.Scenario) { s.Injections = []harness.Injection{in} }
	}
	good := anyFault{"fault"}
	for name, tt := range map[string]struct {
		spoil func(*harness.Scenario)
		want  string
	}{
		"good":                        {inject(harness.Injection{Fault: good}), ""},
		"Name":                        {func(s *harness.Scenario) { s.Name = "a/b" }, `Name: want`},
		"Load.Pacer":                  {func(s *harness.Scenario) { s.Load.Pacer = nil }, "Load.Pacer: want"},
		"Load.Keys":                   {func(s *harness.Scenario) { s.Load.Keys = nil }, "Load.Keys: want"},
		"Load.Payload":                {func(s *harness.Scenario) { s.Load.Payload = 3 }, "Load.Payload: want 0, or at least the"},
		"Producer.Acks":               {func(s *harness.Scenario) { s.Producer.Acks = "leeder" }, `Producer.Acks: unknown value "leeder", did you mean "leader"`},
		"Producer.Acks idempotent":    {func(s *harness.Scenario) { s.Producer.Acks = harness.AcksLeader }, "Producer.NotIdempotent: want true, since only acks"},
		"Producer.Compression":        {func(s *harness.Scenario) { s.Producer.Compression = "zstandard" }, `did you mean "zstd"`},
		"Producer.Retries":            {func(s *harness.Scenario) { s.Producer.Retries = -2 }, "Producer.Retries: want at least -1"},
		"Producer.InFlight":           {func(s *harness.Scenario) { s.Producer.InFlight = -1 }, "Producer.InFlight: want at least 0"},
		"Producer.InFlight fixed":     {func(s *harness.Scenario) { s.Producer.InFlight = 2 }, "Producer.InFlight: want 0, since idempotence"},
		"Producer.Linger":             {func(s *harness.Scenario) { s.Producer.Linger = -2 }, "Producer.Linger: want"},
		"Producer.Batch":              {func(s *harness.Scenario) { s.Producer.Batch = 10 }, "Producer.Batch: want 0, or 1024 to 1000012 bytes"},
		"Service":                     {func(s *harness.Scenario) { s.Service = nil }, "Service: want"},
		"Prepare":                     {func(s *harness.Scenario) { s.Prepare = 1 }, "Prepare: want"},
		"Failures.Poison":             {func(s *harness.Scenario) { s.Failures.Poison = 1.5 }, "Failures.Poison: want"},
		"Failures.Panic":              {func(s *harness.Scenario) { s.Failures.Panic = -1 }, "Failures.Panic: want"},
		"Failures.Fraction":           {func(s *harness.Scenario) { s.Failures.Fraction = 2 }, "Failures.Fraction: want"},
		"Failures.Times":              {func(s *harness.Scenario) { s.Failures.Times = -2 }, "Failures.Times: want"},
		"Failures.To":                 {func(s *harness.Scenario) { s.Failures = harness.Failures{Poison: 1, From: 2, To: 1} }, "Failures: want 0 <= From"},
		"Failures.From alone":         {func(s *harness.Scenario) { s.Failures.From = 1 }, "Failures: want"},
		"Slowdown.Fraction":           {func(s *harness.Scenario) { s.Slowdown = harness.Slowdown{To: 1, Factor: 2, Fraction: 2} }, "Slowdown.Fraction: want a share"},
		"Slowdown":                    {func(s *harness.Scenario) { s.Slowdown = harness.Slowdown{From: 2, To: 1, Factor: 2} }, "Slowdown"},
		"Slowdown.Factor":             {func(s *harness.Scenario) { s.Slowdown = harness.Slowdown{To: 1} }, "Factor above 0"},
		"Partitions":                  {func(s *harness.Scenario) { s.Partitions = 0 }, "Partitions: want"},
		"Replicas":                    {func(s *harness.Scenario) { s.Replicas = 4 }, "Replicas: want 1 to 3, or 0 for 3, got 4"},
		"Replicas below zero":         {func(s *harness.Scenario) { s.Replicas = -1 }, "Replicas: want"},
		"TopicConfig name":            {func(s *harness.Scenario) { s.TopicConfig = map[string]string{"a b": "1"} }, "digits or dots"},
		"TopicConfig value":           {func(s *harness.Scenario) { s.TopicConfig = map[string]string{"min.insync.replicas": ""} }, "want a value"},
		"TopicConfig of the harness":  {func(s *harness.Scenario) { s.TopicConfig = map[string]string{"cleanup.policy": "compact"} }, "the harness relies on its default"},
		"Pods":                        {func(s *harness.Scenario) { s.Pods = -1 }, "Pods: want"},
		"Spare":                       {func(s *harness.Scenario) { s.Spare = -1 }, "Spare: want"},
		"Workers":                     {func(s *harness.Scenario) { s.Workers = -1 }, "Workers: want"},
		"Window":                      {func(s *harness.Scenario) { s.Window = -1 }, "Window: want"},
		"MaxPoll":                     {func(s *harness.Scenario) { s.MaxPoll = -1 }, "MaxPoll: want"},
		"Commit":                      {func(s *harness.Scenario) { s.Commit = -1 }, "Commit: want"},
		"Session":                     {func(s *harness.Scenario) { s.Session = -1 }, "Session: want"},
		"Warmup":                      {func(s *harness.Scenario) { s.Warmup = -1 }, "Warmup: want"},
		"Drain":                       {func(s *harness.Scenario) { s.Drain = -1 }, "Drain: want"},
		"Conditions.Lateness":         {func(s *harness.Scenario) { s.Conditions.Lateness = -1 }, "Conditions.Lateness"},
		"Conditions.WorkInFlight":     {func(s *harness.Scenario) { s.Conditions.WorkInFlight = -1 }, "WorkInFlight: want"},
		"Injection.Fault":             {inject(harness.Injection{}), "Injections[0].Fault: want"},
		"Injection.Fault.Name":        {inject(harness.Injection{Fault: anyFault{}}), `Injections[0].Fault.Name(): want 1 to 40 letters, digits, spaces, - or _, got ""`},
		"Injection.Fault.Name blank":  {inject(harness.Injection{Fault: anyFault{"  "}}), `Fault.Name(): want`},
		"Injection.Fault.Name markup": {inject(harness.Injection{Fault: anyFault{"<svg onload=x>"}}), `Fault.Name(): want`},
		"Injection.Fault.Name lines":  {inject(harness.Injection{Fault: anyFault{"a\x1b[2J\nb"}}), `Fault.Name(): want`},
		"Injection.Fault.Name long":   {inject(harness.Injection{Fault: anyFault{strings.Repeat("a", 41)}}), `Fault.Name(): want`},
		"Injection.At":                {inject(harness.Injection{Fault: good, At: -1}), "Injections[0].At: want at least 0s, got -1ns"},
		"Injection.HealAfter":         {inject(harness.Injection{Fault: good, HealAfter: -1}), "HealAfter: want"},
		"Injection.HealSessions":      {inject(harness.Injection{Fault: good, HealSessions: -1}), "HealSessions: want"},
	} {
		t.Run(name, func(t *testing.T) {
			s := goodScenario()
			tt.spoil(&s)
			wantError(t, s.Validate(), tt.want)
		})
	}
}

func TestRegistrationPanicsWithTheField(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, `register consumer "bad": Order: unknown value "sometimes"`) {
			t.Errorf("it panicked with %q", text)
		}
	}()
	bad := goodImplementation()
	bad.Name, bad.Order = "bad", "sometimes"
	harness.Register(bad)
}

func TestForgottenOrderIsNoWeakerClaim(t *testing.T) {
	i := goodImplementation()
	i.Name, i.Delivery, i.Order = "forgets-its-order", harness.AtLeastOnce, ""
	if got := harness.Register(i).Order; got != harness.OrderKey {
		t.Errorf("it claims the order %q", got)
	}
	i.Name, i.Delivery = "claims-nothing", ""
	if got := harness.Register(i); got.Delivery != "" || got.Order != "" {
		t.Errorf("it claims %q and %q", got.Delivery, got.Order)
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want %q in it", err, want)
	}
}
