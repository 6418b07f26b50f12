package mutants_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
)

// TestSoak is make soak-mutants. STAMPEDE_SOAK is how many seeds each mutant has on each
// back end, as virtual=20,embedded=3,docker=3. STAMPEDE_SOAK_HONEST is how many runs the
// honest consumers have, all together. Runs that the counts in testdata have already are not
// made again.
func TestSoak(t *testing.T) {
	mutants, honest := wantedRuns(t, "STAMPEDE_SOAK"), wantedRuns(t, "STAMPEDE_SOAK_HONEST")
	if len(mutants)+len(honest) == 0 {
		t.Skip("set STAMPEDE_SOAK and STAMPEDE_SOAK_HONEST (make soak-mutants does)")
	}
	t.Cleanup(func() { writeDoc(t) })
	for _, backend := range backends {
		if mutants[backend]+honest[backend] == 0 {
			continue
		}
		t.Run(backend, func(t *testing.T) {
			openBackend(t, backend)
			t.Run("mutants", func(t *testing.T) { soakMutants(t, backend, mutants[backend]) })
			t.Run("honest", func(t *testing.T) { soakHonest(t, backend, honest[backend]) })
		})
	}
}

// wantedRuns parses a variable of the environment: runs by back end.
func wantedRuns(t *testing.T, name string) map[string]int {
	t.Helper()
	wanted := map[string]int{}
	for _, one := range strings.FieldsFunc(os.Getenv(name), func(r rune) bool { return r == ',' }) {
		backend, text, _ := strings.Cut(one, "=")
		n, err := strconv.Atoi(text)
		if err != nil || !slices.Contains(backends, backend) {
			t.Fatalf("%s: %q is not like virtual=20", name, one)
		}
		wanted[backend] = n
	}
	return wanted
}

// caughtOnKafka are the mutants that are caught on real Kafka too: one for each kind of bug.
var caughtOnKafka = []string{
	"mutant-corrupts-copy", "mutant-reads-outside-group", "mutant-claims-partition-order", "mutant-too-parallel", "mutant-dead-letter-unacknowledged", "mutant-dead-letter-untried",
	"mutant-drops-record", "mutant-completes-before-work", "mutant-commits-after-revoke", "mutant-ignores-revoke", "mutant-commits-highest", "mutant-outputs-outside-txn", "mutant-requeues-failed",
	"mutant-commits-skipped", "mutant-stalls", "mutant-works-twice", "mutant-acknowledges-late", "mutant-releases-completed",
	"mutant-reads-outside-share-group",
}

func soakMutants(t *testing.T, backend string, n int) {
	for _, c := range allCases() {
		if backend == "docker" && !slices.Contains(caughtOnKafka, c.name) {
			continue
		}
		for _, scenario := range c.scenarioNames() {
			name := c.name + "/" + scenario
			t.Run(name, func(t *testing.T) {
				if backend != "docker" {
					t.Parallel()
				}
				s, _ := findScenario(scenario)
				for _, seed := range missingSeeds(t, backend, mutantCounts, name, n) {
					r := trial.RunOn(t, backend, s, c.selectionIn(s), seed)
					err := c.compareWithDeclared(r)
					if err != nil {
						t.Errorf("seed %d: %s %v\n%v", seed, r.Status, r.Reasons, err)
					}
					countRun(t, backend, mutantCounts, name, err == nil, trial.FindingsOf(r))
				}
			})
		}
	}
}

// soakHonest runs all honest consumers under all protocols, with random faults.
func soakHonest(t *testing.T, backend string, n int) {
	var names []string
	for _, i := range honestConsumers() {
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
			if backend != "docker" {
				t.Parallel()
			}
			for _, seed := range missingSeeds(t, backend, honestCounts, name, (n+len(names)-1)/len(names)) {
				s := trial.Chaos(seed)
				if backend == "docker" {
					s = trial.ChaosWithBrokers(seed)
				}
				r := trial.RunOn(t, backend, s, name, seed)
				if r.Status != harness.Pass {
					t.Errorf("seed %d: %s: %v\n%s", seed, r.Status, r.Reasons, trial.DescribeFailures(r))
				}
				countRun(t, backend, honestCounts, name, r.Status == harness.Pass, trial.FindingsOf(r))
			}
		})
	}
}
