package bench

import (
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

// plannedRun is one run of the matrix.
type plannedRun struct {
	scenario *harness.Scenario
	consumer harness.Selection
	repeat   int
}

// plannedRuns returns the runs that match go test's -run, in their order.
func (m *matrix) plannedRuns(run string) (all []plannedRun) {
	filter := parseRunFilter(run)
	for i := range m.scenarios {
		for repeat := 1; repeat <= m.repeats; repeat++ {
			for _, c := range m.consumersFor(&m.scenarios[i]) {
				if matchesFilter(filter, m.scenarios[i].Name, subtestName(c), strconv.Itoa(repeat)) {
					all = append(all, plannedRun{&m.scenarios[i], c, repeat})
				}
			}
		}
	}
	return all
}

// consumersFor returns the consumers that run in a scenario.
func (m *matrix) consumersFor(s *harness.Scenario) []harness.Selection { return m.consumersBy[s.Name] }

// matchesFilter reports whether the subtest with these names matches.
func matchesFilter(filter []*regexp.Regexp, names ...string) bool {
	for i, f := range filter {
		if i < len(names) && !f.MatchString(names[i]) {
			return false
		}
	}
	return true
}

// parseRunFilter returns the expressions of go test's -run for subtests. One that go
// test does not simply split at each slash matches all here.
func parseRunFilter(run string) (filter []*regexp.Regexp) {
	if strings.ContainsAny(run, "[]|") {
		return nil
	}
	levels := strings.Split(run, "/")
	for _, level := range levels[1:] {
		f, err := regexp.Compile(level)
		if err != nil {
			return nil
		}
		filter = append(filter, f)
	}
	return filter
}

// estimateTime returns about how long a run takes.
func (r plannedRun) estimateTime() time.Duration {
	return engine.Estimate(*r.scenario, engine.Describe(*r.scenario, r.consumer).Parallelism)
}

// describePlan is "6 runs: 2 scenarios, 3 consumers, 1 repeat on embedded, about 2m0s".
func describePlan(runs []plannedRun, b harness.Backend) string {
	scenarios, consumers, repeats := map[string]bool{}, map[string]bool{}, map[int]bool{}
	var total time.Duration
	for _, r := range runs {
		scenarios[r.scenario.Name], consumers[r.consumer.Name()], repeats[r.repeat] = true, true, true
		total += r.estimateTime()
	}
	unit := 10 * time.Second
	if total < time.Minute {
		unit = time.Second
	}
	took := total.Round(unit).String()
	if harness.IsVirtual(b) {
		took += " of virtual time"
	}
	s := plural(len(runs), "run")
	if len(runs) > 1 {
		s += fmt.Sprintf(": %s, %s, %s", plural(len(scenarios), "scenario"), plural(len(consumers), "consumer"), plural(len(repeats), "repeat"))
	}
	return fmt.Sprintf("%s on %s, about %s", s, b.Name(), took)
}

// runFlag is go test's -run.
func runFlag() string {
	if f := flag.Lookup("test.run"); f != nil {
		return f.Value.String()
	}
	return ""
}

// plural is "1 run", "2 runs".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
