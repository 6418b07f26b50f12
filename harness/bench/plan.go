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

// planned is a run of the matrix.
type planned struct {
	scenario *harness.Scenario
	consumer harness.Selection
	repeat   int
}

// ahead are the runs that go test's -run lets through, in their order.
func (m *matrix) ahead(run string) (all []planned) {
	filter := filterOf(run)
	for i := range m.scenarios {
		for repeat := 1; repeat <= m.repeats; repeat++ {
			for _, c := range m.met(&m.scenarios[i]) {
				if lets(filter, m.scenarios[i].Name, subtest(c), strconv.Itoa(repeat)) {
					all = append(all, planned{&m.scenarios[i], c, repeat})
				}
			}
		}
	}
	return all
}

// met are the consumers that a scenario meets.
func (m *matrix) met(s *harness.Scenario) []harness.Selection { return m.meets[s.Name] }

// lets reports whether a filter lets the subtest of these names through.
func lets(filter []*regexp.Regexp, names ...string) bool {
	for i, f := range filter {
		if i < len(names) && !f.MatchString(names[i]) {
			return false
		}
	}
	return true
}

// filterOf is what go test's -run says of the subtests. One that go test takes apart
// in other ways than at each slash leaves nothing out here.
func filterOf(run string) (filter []*regexp.Regexp) {
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

// estimate is about how long a run takes.
func (r planned) estimate() time.Duration {
	return engine.Estimate(*r.scenario, engine.Describe(*r.scenario, r.consumer).Parallelism)
}

// inWords is a plan for people.
func inWords(runs []planned, b harness.Backend) string {
	scenarios, consumers, repeats := map[string]bool{}, map[string]bool{}, map[int]bool{}
	var total time.Duration
	for _, r := range runs {
		scenarios[r.scenario.Name], consumers[r.consumer.Name()], repeats[r.repeat] = true, true, true
		total += r.estimate()
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
