package mutants_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
)

// TestSoak is make soak-mutants: how many seeds each mutant has on each stage is
// in STAMPEDE_SOAK, as virtual=20,embedded=3,docker=3, and how many runs the
// honest consumers have, all together, in STAMPEDE_SOAK_HONEST. What the figures
// in testdata say was run already is not run again.
func TestSoak(t *testing.T) {
	mutants, honest := targets(t, "STAMPEDE_SOAK"), targets(t, "STAMPEDE_SOAK_HONEST")
	if len(mutants)+len(honest) == 0 {
		t.Skip("set STAMPEDE_SOAK and STAMPEDE_SOAK_HONEST (make soak-mutants does)")
	}
	t.Cleanup(func() { writePage(t) })
	for _, stage := range stages {
		if mutants[stage]+honest[stage] == 0 {
			continue
		}
		t.Run(stage, func(t *testing.T) {
			open(t, stage)
			t.Run("mutants", func(t *testing.T) { soakMutants(t, stage, mutants[stage]) })
			t.Run("honest", func(t *testing.T) { soakHonest(t, stage, honest[stage]) })
		})
	}
}

func targets(t *testing.T, name string) map[string]int {
	t.Helper()
	by := map[string]int{}
	for _, one := range strings.FieldsFunc(os.Getenv(name), func(r rune) bool { return r == ',' }) {
		stage, text, _ := strings.Cut(one, "=")
		n, err := strconv.Atoi(text)
		if err != nil || !slices.Contains(stages, stage) {
			t.Fatalf("%s: %q is not like virtual=20", name, one)
		}
		by[stage] = n
	}
	return by
}

// open takes what a stage needs until the test has ended.
func open(t *testing.T, stage string) {
	t.Helper()
	if stage == "virtual" {
		return
	}
	lock.Machine(t)
	backend, err := harness.FindBackend(stage)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := backend.(harness.Preflighter); ok {
		if err := p.Preflight(t.Context()); err != nil {
			if os.Getenv("STAMPEDE_DOCKER") == "required" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	if c, ok := backend.(harness.Closer); ok {
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// third are the mutants that are caught on real Kafka too: one of each kind of
// bug that no other covers there.
var third = []string{
	"mutant-corrupts-copy", "mutant-reads-outside-group", "mutant-claims-partition-order", "mutant-too-parallel", "mutant-dead-letter-unacknowledged", "mutant-dead-letter-untried",
	"mutant-drops-record", "mutant-completes-before-work", "mutant-commits-after-revoke", "mutant-ignores-revoke", "mutant-commits-highest", "mutant-outputs-outside-txn", "mutant-requeues-failed",
	"mutant-commits-skipped", "mutant-stalls", "mutant-works-twice",
}

func soakMutants(t *testing.T, stage string, n int) {
	for _, c := range culprits() {
		if stage == "docker" && !slices.Contains(third, c.name) {
			continue
		}
		for _, scene := range c.scenes() {
			name := c.name + "/" + scene
			t.Run(name, func(t *testing.T) {
				if stage != "docker" {
					t.Parallel()
				}
				for _, seed := range seeds(t, stage, ofMutants, name, n) {
					r := play(t, stage, scenes[scene], c.consumer, seed)
					err := c.held(r)
					if err != nil {
						t.Errorf("seed %d: %s %v\n%v", seed, r.Status, r.Reasons, err)
					}
					note(t, stage, ofMutants, name, err == nil, found(r))
				}
			})
		}
	}
}

// soakHonest has all honest consumers, under all protocols, go through random
// faults.
func soakHonest(t *testing.T, stage string, n int) {
	var names []string
	for _, i := range honest() {
		protocols := harness.Protocols
		if i.Share {
			protocols = protocols[:1]
		}
		for _, p := range protocols {
			names = append(names, i.Name+"@"+string(p))
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			if stage != "docker" {
				t.Parallel()
			}
			for _, seed := range seeds(t, stage, ofHonest, name, (n+len(names)-1)/len(names)) {
				s := chaos(seed)
				if stage == "docker" {
					s = chaosWithBrokers(seed)
				}
				r := play(t, stage, s, name, seed)
				if r.Status != harness.Pass {
					t.Errorf("seed %d: %s: %v\n%s", seed, r.Status, r.Reasons, firsts(r))
				}
				note(t, stage, ofHonest, name, r.Status == harness.Pass, found(r))
			}
		})
	}
}

// chaos is a scene in which pods are killed, pause for longer than their session,
// leave and join at random.
func chaos(seed uint64) harness.Scenario {
	return chaotic("chaos", "pods are killed, pause, leave and join at random", seed, false)
}

// chaosWithBrokers is chaos in which brokers are killed too: what they forget by that, and
// what clients make of it, is there on real Kafka alone.
func chaosWithBrokers(seed uint64) harness.Scenario {
	return chaotic("chaos-with-brokers", "brokers and pods are killed, pods pause, leave and join at random", seed, true)
}

func chaotic(name, doc string, seed uint64, brokers bool) harness.Scenario {
	return scene(name, doc, func(s *harness.Scenario) {
		s.Load.Pacer = load.Constant{Rate: 100, For: 15 * time.Second}
		s.Pods, s.Spare, s.Partitions, s.Drain = 3, 2, 6, 40*time.Second
		s.Injections = fault.Chaos{From: time.Second, To: 14 * time.Second, Session: s.Session, Pods: s.Pods, Spare: s.Spare, Brokers: brokers}.Injections(seed)
	})
}
