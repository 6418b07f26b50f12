package mutants_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// TestField has every design go through random faults, in virtual time: three
// seeds under one protocol, or as many as STAMPEDE_FIELD says under each
// (make soak-consumers). What it claims must hold: nothing lost, nothing repeated
// that no rewind explains, order as claimed.
func TestField(t *testing.T) {
	seeds, protocols := fieldSeeds(t, 3), harness.Protocols
	if os.Getenv("STAMPEDE_FIELD") == "" {
		protocols = protocols[:1]
	}
	for _, i := range honest() {
		if i.Mutant {
			continue
		}
		for _, p := range protocols {
			if i.Share && p != protocols[0] {
				continue
			}
			name := fmt.Sprintf("%s@%s", i.Name, p)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for seed := range uint64(seeds) {
					if r := play(t, "virtual", chaos(seed+1), name, seed+1); r.Status != harness.Pass {
						t.Errorf("seed %d: %s: %v\n%s", seed+1, r.Status, r.Reasons, firsts(r))
					}
				}
			})
		}
	}
}

// fieldSeeds is how many seeds STAMPEDE_FIELD asks for, or so few without it.
func fieldSeeds(t *testing.T, few int) int {
	s := os.Getenv("STAMPEDE_FIELD")
	if s == "" {
		return few
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("STAMPEDE_FIELD: %q is no number", s)
	}
	return n
}

// A pod whose work panics dies of it, and another takes over from the commit: what
// is wrong then is that pods died, and what nobody is left to do.
func TestFieldLosesNothingToAPanic(t *testing.T) {
	panics := scene("panic", "the work on some records panics", func(s *harness.Scenario) { s.Failures.Panic = 0.01 })
	for _, i := range honest() {
		if i.Mutant {
			continue
		}
		t.Run(i.Name, func(t *testing.T) {
			t.Parallel()
			r := play(t, "virtual", panics, i.Name, 1)
			if r.Status != harness.Fail || !slices.Contains(found(r), oracle.CheckPodLiveness) {
				t.Errorf("%s: %v: want pods that died", r.Status, r.Reasons)
			}
			for _, v := range r.Verdicts {
				if v.Status == harness.Fail && v.Check != oracle.CheckPodLiveness && v.Check != oracle.CheckStall {
					t.Errorf("%s: %s", v.Check, first(v))
				}
			}
		})
	}
}

// With what is finished above the watermark in its commits, a crash repeats what
// was in work and finished since the last commit. Without, it repeats what was
// finished behind the slowest record too.
func TestKeyedMapRepeatsLessThanKeyed(t *testing.T) {
	const seeds = 6
	repeats := map[string]int64{}
	for _, name := range []string{"keyed", "keyed-map"} {
		for seed := range uint64(seeds) {
			r := play(t, "virtual", lopsided(), name, seed+1)
			if r.Status != harness.Pass {
				t.Errorf("%s, seed %d: %s: %v\n%s", name, seed+1, r.Status, r.Reasons, firsts(r))
			}
			n := slices.IndexFunc(r.Verdicts, func(v harness.Verdict) bool { return v.Check == oracle.CheckRedelivery })
			repeats[name] += int64(r.Verdicts[n].Count)
		}
	}
	t.Logf("%d crashes: keyed repeats %d records, keyed-map %d: %.2f of it",
		seeds, repeats["keyed"], repeats["keyed-map"], float64(repeats["keyed-map"])/float64(repeats["keyed"]))
	if 3*repeats["keyed-map"] > 2*repeats["keyed"] { // by chance more of them was in work one time than the other
		t.Errorf("keyed-map repeats %d records and keyed %d: want two thirds at most", repeats["keyed-map"], repeats["keyed"])
	}
}

// lopsided is a crash while one key is slower than its records come, so that the
// watermark of its partition lags behind all others.
func lopsided() harness.Scenario {
	return scene("lopsided-crash", "a pod is killed while one key has a backlog, and comes back", func(s *harness.Scenario) {
		s.Service, s.Workers, s.Window, s.Drain = load.Between{Min: time.Millisecond, Max: 200 * time.Millisecond}, 32, 500, 40*time.Second
		s.Load.Keys = load.Hot{Fraction: 0.2, Hot: 1, Others: 1000}
		s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 2 * injected, HealAfter: time.Second}}
	})
}

// Who copies what fails keeps its claims through random faults too, with work that fails
// a few times, or for good, all the while.
func TestFieldOfFailingWork(t *testing.T) {
	for _, name := range []string{"retry-ordered", "hol-cancel", "retry-dlq"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, p := range harness.Protocols {
				for seed := range uint64(fieldSeeds(t, 3)) {
					s := chaos(seed + 1)
					s.Failures = harness.Failures{Fraction: 0.1, Times: 3, Poison: 0.01}
					if r := play(t, "virtual", s, name+"@"+string(p), seed+1); r.Status != harness.Pass {
						t.Errorf("%s, seed %d: %s: %v\n%s", p, seed+1, r.Status, r.Reasons, firsts(r))
					}
				}
			}
		})
	}
}

// A design that gives up what holds up its window does so through crashes too, and
// keeps its claims: in a window as small as this a sick record would hold all others up.
func TestHolCancelGivesUpWhatHoldsUpTheWindow(t *testing.T) {
	for _, p := range harness.Protocols {
		for seed := range uint64(5) {
			r := play(t, "virtual", blocked(), "hol-cancel@"+string(p), seed+1)
			if r.Status != harness.Pass {
				t.Errorf("%s, seed %d: %s: %v\n%s", p, seed+1, r.Status, r.Reasons, firsts(r))
			}
			if r.Counts.Completed == r.Counts.Appended {
				t.Errorf("%s, seed %d: all %d have effects, want some given up", p, seed+1, r.Counts.Appended)
			}
		}
	}
}

// blocked is a crash while the window is full of what is finished above a record that
// fails for long.
func blocked() harness.Scenario {
	return scene("blocked", "the work on one key in forty fails for three seconds a record, in a small window; a pod is killed meanwhile, and comes back", func(s *harness.Scenario) {
		s.Window, s.Drain = 60, 60*time.Second
		s.Failures = harness.Failures{Keys: []uint32{0}, Times: 9}
		s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 2 * injected, HealAfter: time.Second}}
	})
}

// A window of one record is little, and enough: what was paused for want of room goes on.
func TestFieldWithAWindowOfOne(t *testing.T) {
	for _, name := range []string{"partition", "hashq", "keyed", "delay"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scene("narrow", "little load", func(s *harness.Scenario) {
				s.Load.Pacer = load.Constant{Rate: 20, For: 2 * time.Second}
				s.Drain = 30 * time.Second
			})
			if r := play(t, "virtual", s, name+"?workers=1&window=1", 1); r.Status != harness.Pass {
				t.Errorf("%s: %v\n%s", r.Status, r.Reasons, firsts(r))
			}
		})
	}
}
