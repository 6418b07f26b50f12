package bench

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/plain"
)

// checkPlan is how many answers are checked on a back end.
type checkPlan struct {
	backend harness.Backend
	answers int
}

// defaultChecks is how many answers are checked where the line does not say it.
const defaultChecks = 3

// parseChecks reads "embedded=3,docker=1".
func parseChecks(line string) (plans []checkPlan, err error) {
	for _, one := range strings.Split(line, ",") {
		name, count, has := strings.Cut(strings.TrimSpace(one), "=")
		if name == "" {
			continue
		}
		p := checkPlan{answers: defaultChecks}
		if p.backend, err = harness.FindBackend(name); err != nil {
			return nil, fmt.Errorf("-check: %w", err)
		}
		if harness.IsVirtual(p.backend) {
			return nil, fmt.Errorf("-check=%s: want a back end in real time", name)
		}
		if has {
			if p.answers, err = strconv.Atoi(count); err != nil || p.answers <= 0 {
				return nil, fmt.Errorf("-check=%s: want a number of answers above zero after %s=", one, name)
			}
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// check searches for some of the answers again in real time, one at a time.
func (s *search) check(t *testing.T) {
	for _, p := range s.checks {
		closeAtExit(p.backend)
		for _, i := range s.pickAnswers(p.answers) {
			t.Run(fmt.Sprintf("check/%s/%s", p.backend.Name(), s.nameOf(i)), func(t *testing.T) {
				if process.ctx.Err() != nil {
					t.Skip("interrupted")
				}
				run := func(ctx context.Context, p engine.Plan) (*engine.Outcome, error) { return makeRun(ctx, t, p) }
				a := &s.report.Answers[i]
				c := s.questions[i].Check(process.ctx, run, a, p.backend, func(k capacity.Progress) { s.tell(i, k) })
				a.Checks = append(a.Checks, c)
				fmt.Fprintln(os.Stderr, plain.Line(fmt.Sprintf("%s on %s: %+.1f %% %s%s", s.nameOf(i), c.Backend, 100*c.Error, c.Remark, c.Failed)))
			})
		}
	}
}

// pickAnswers picks so many answers from the lowest capacity to the highest, the ends included.
func (s *search) pickAnswers(n int) (picked []int) {
	var found []int
	for i := range s.report.Answers {
		if _, ok := s.report.Answers[i].Capacity(); ok {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b int) int {
		x, _ := s.report.Answers[a].Capacity()
		y, _ := s.report.Answers[b].Capacity()
		return cmp.Compare(x, y)
	})
	if len(found) <= n {
		return found
	}
	for i := range n {
		at := 0
		if n > 1 {
			at = i * (len(found) - 1) / (n - 1)
		}
		picked = append(picked, found[at])
	}
	return picked
}
