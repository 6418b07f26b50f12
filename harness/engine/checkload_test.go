package engine

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// foreignPacer, foreignKeys and foreignService are of another module, and say what they
// like.
type foreignPacer func(n uint64) (time.Duration, bool)

func (p foreignPacer) At(n uint64) (time.Duration, bool) { return p(n) }
func (foreignPacer) String() string                      { return "foreign" }

type foreignKeys struct {
	count int
	key   uint32
}

func (k foreignKeys) Key(uint64, *rand.Rand) uint32 { return k.key }
func (k foreignKeys) Count() int                    { return k.count }
func (foreignKeys) String() string                  { return "foreign" }

type foreignService struct{ text string }

func (foreignService) Time(float64) time.Duration { return 0 }
func (foreignService) Mean() time.Duration        { return 0 }
func (foreignService) CPU() bool                  { return false }
func (s foreignService) String() string           { return s.text }

// paced is a load of three records at these times.
func paced(due ...time.Duration) foreignPacer {
	return func(n uint64) (time.Duration, bool) {
		if n >= uint64(len(due)) {
			return 0, false
		}
		return due[n], true
	}
}

// What no registration can see is refused when a scenario is selected: no broker has
// started then.
func TestScenariosThatCannotRunAreRefusedAtSelection(t *testing.T) {
	inject := func(in harness.Injection) func(*harness.Scenario) {
		return func(s *harness.Scenario) { in.Fault = noFault{}; s.Injections = []harness.Injection{in} }
	}
	pace := func(p harness.Pacer) func(*harness.Scenario) {
		return func(s *harness.Scenario) { s.Load.Pacer = p }
	}
	for name, tt := range map[string]struct {
		spoil func(*harness.Scenario)
		over  Overrides
		want  string
	}{
		"good":      {func(*harness.Scenario) {}, Overrides{}, ""},
		"good heal": {inject(harness.Injection{At: 5 * time.Second, HealAfter: time.Second, HealSessions: 2}), Overrides{}, ""},
		"no keys, and partitions are added": {func(s *harness.Scenario) {
			s.Load.Keys, s.Injections = load.NoKeys{}, []harness.Injection{{Fault: moreParts{}, At: time.Second}}
		}, Overrides{}, "its records need keys"},
		"records without keys": {func(s *harness.Scenario) { s.Load.Keys = load.NoKeys{} }, Overrides{}, ""},
		"no pacer":             {pace(nil), Overrides{}, "Load.Pacer: want a schedule, got nil"},
		"no keys":              {func(s *harness.Scenario) { s.Load.Keys = nil }, Overrides{}, "Load.Keys: want"},
		"no service":           {func(s *harness.Scenario) { s.Service = nil }, Overrides{}, "Service: want"},
		"no fault":             {func(s *harness.Scenario) { s.Injections = make([]harness.Injection, 1) }, Overrides{}, "Injections[0].Fault: want a fault, got nil"},
		"no record":            {pace(paced()), Overrides{}, "foreign, has no record"},
		"no end":               {pace(foreignPacer(func(uint64) (time.Duration, bool) { return 0, true })), Overrides{}, "foreign, has no end"},
		"a negative time":      {pace(paced(-time.Second, 0)), Overrides{}, "record 0 be due at -1s"},
		"times that fall":      {pace(paced(time.Minute, time.Second)), Overrides{}, "record 0 be due at 1m0s"},
		"a peak of times":      {pace(paced(0, time.Hour, 0, time.Second)), Overrides{}, "record 1 be due at 1h0m0s"},
		"keys beyond number":   {func(s *harness.Scenario) { s.Load.Keys = foreignKeys{count: math.MaxInt64} }, Overrides{}, "want 1 to 268435456"},
		"a load of years":      {pace(paced(0, math.MaxInt64)), Overrides{}, "at most 1000h0m0s"},
		"no keys at all":       {func(s *harness.Scenario) { s.Load.Keys = foreignKeys{} }, Overrides{}, "want 1 to 268435456"},
		"a key past the end":   {func(s *harness.Scenario) { s.Load.Keys = foreignKeys{count: 3, key: 3} }, Overrides{}, "below their count of 3"},
		"a foreign service":    {func(s *harness.Scenario) { s.Service = foreignService{"as long as it takes"} }, Overrides{}, "cannot be handed to a pod"},
		"a drain of years":     {func(s *harness.Scenario) { s.Drain = math.MaxInt64 }, Overrides{}, "each at most 1000h0m0s"},
		"At negative":          {inject(harness.Injection{At: -1}), Overrides{}, "Injections[0].At: want at least 0s"},
		"At past the load":     {inject(harness.Injection{At: 11 * time.Second}), Overrides{}, "nothing at 11s comes after the end of the load"},
		"At of years":          {inject(harness.Injection{At: math.MaxInt64}), Overrides{}, "comes after the end of the load"},
		"At past a shorter load": {
			inject(harness.Injection{At: 5 * time.Second}), Overrides{Duration: 3 * time.Second}, "nothing at 5s comes after the end of the load at 2.99s: make the load longer",
		},
		"HealAfter past the end": {
			inject(harness.Injection{At: 5 * time.Second, HealAfter: time.Minute}), Overrides{}, "is healed 1m0s later, after the end",
		},
		"HealAfter past a shorter end": {
			inject(harness.Injection{At: 2 * time.Second, HealAfter: 35 * time.Second}), Overrides{Duration: 3 * time.Second}, "is healed 35s later, after the end",
		},
		"HealAfter of years": {
			inject(harness.Injection{At: 5 * time.Second, HealAfter: math.MaxInt64}), Overrides{}, "at most 1000h0m0s",
		},
		"HealSessions of years": {
			inject(harness.Injection{At: 5 * time.Second, HealSessions: math.MaxInt64}), Overrides{}, "at most 1000h0m0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := harness.Scenario{
				Name: "x", Load: harness.Load{Pacer: load.Constant{Rate: 100, For: 10 * time.Second}, Keys: load.Uniform{N: 10}}, Service: load.Fixed(time.Millisecond),
			}
			tt.spoil(&s)
			_, err := tt.over.Apply(s)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

// moreParts is a fault that adds partitions.
type moreParts struct{ noFault }

func (moreParts) AddedPartitions(int) int { return 2 }
