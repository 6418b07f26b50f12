package oracle

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// TestOraclesAgree generates legal runs, plants one violation in most of them,
// and holds the checks and the reference to the same count and the same records,
// and both to what was planted. STAMPEDE_HISTORIES sets how many, STAMPEDE_SEED
// the first.
func TestOraclesAgree(t *testing.T) {
	histories, first := setting(t, "STAMPEDE_HISTORIES", 1500), setting(t, "STAMPEDE_SEED", 1)
	var next, failures atomic.Int64
	var mu sync.Mutex
	planted, failed := map[string]int{}, map[string]bool{}
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for failures.Load() < 3 {
				n := int(next.Add(1)) - 1
				if n >= histories {
					return
				}
				p, err := agree(uint64(first + n))
				if err != nil {
					failures.Add(1)
					t.Errorf("seed %d: %v", first+n, err)
				}
				mu.Lock()
				planted[p.kind]++
				for _, check := range p.fails {
					failed[check] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, k := range append(kinds(), "") {
		t.Logf("%6d x %s", planted[k], cmp.Or(k, "nothing planted"))
		if planted[k] == 0 {
			t.Errorf("%q was never planted", k)
		}
	}
	figures := []string{CheckOverload, CheckRedeliveryOutOfOrder, CheckUnfencedWork, CheckCommitAfterRevoke}
	for _, check := range Checks() {
		if !failed[check] && !slices.Contains(figures, check) {
			t.Errorf("nothing that was planted makes the check %q fail", check)
		}
	}
}

func setting(t *testing.T, name string, otherwise int) int {
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// agree judges the history of a seed by both oracles and returns what was planted.
func agree(seed uint64) (p planted, err error) {
	w, p := planting(seed)
	h := w.history()
	slowly := reference(h)
	verdicts, err := judge(h.facts, h.source())
	if err != nil {
		return p, err
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("planted %q at %v: %s\n%s", p.kind, p.at, fmt.Sprintf(format, args...), h)
	}
	if seed%50 == 0 {
		if err := reads(h, verdicts); err != nil {
			return p, fail("%v", err)
		}
	}
	for _, v := range verdicts {
		want := slowly[v.Check]
		if int64(len(want)) != v.Count {
			return p, fail("%s: the checks count %d, the reference %d: %v", v.Check, v.Count, len(want), want)
		}
		for _, a := range v.Examples {
			at := ledger.Position{Topic: a.Topic, Partition: a.Partition, Offset: a.Offset}
			if !slices.Contains(want, at) {
				return p, fail("%s: the checks name %v, the reference %v", v.Check, at, want)
			}
		}
		if fails := v.Status == harness.Fail; fails != slices.Contains(p.fails, v.Check) {
			return p, fail("%s is %s (%d: %v), and %v must fail", v.Check, v.Status, v.Count, want, p.fails)
		}
		named := slices.ContainsFunc(v.Examples, func(a harness.Anomaly) bool {
			return slices.Contains(p.at, ledger.Position{Topic: a.Topic, Partition: a.Partition, Offset: a.Offset})
		})
		if v.Status == harness.Fail && v.Count <= maxExamples && !named {
			return p, fail("%s does not name what was planted: %v", v.Check, want)
		}
	}
	if h.facts.Share {
		return p, agreeBlind(h, rand.New(rand.NewPCG(seed, 5)))
	}
	return p, nil
}

// agreeBlind judges a history of a share group once more, as a back end tells it that
// sees no answers and whose broker, or a pod, was out for a while.
func agreeBlind(seen *history, r *rand.Rand) error {
	facts := *seen.facts
	facts.Log, facts.Unobserved = NewLog(), Requests
	h := &history{facts: &facts, ids: seen.ids, lies: seen.lies}
	for _, e := range seen.events {
		if e.Kind != ledger.EventAcknowledged && e.Kind != ledger.EventAcquired {
			h.events = append(h.events, e)
		}
	}
	last := slices.MaxFunc(h.events, func(a, b ledger.Event) int { return cmp.Compare(a.At, b.At) }).At
	from := r.Int64N(int64(last) + 1)
	owner, partition := ledger.Owner(r.IntN(3)), int32(r.IntN(3)-1) // of no pod and no partition: somebody joins
	h.events = append(h.events, ledger.Event{Kind: ledger.EventInject, At: time.Duration(from), Owner: owner, Partition: partition})
	if r.IntN(4) > 0 {
		h.events = append(h.events, ledger.Event{Kind: ledger.EventHeal, At: time.Duration(from + r.Int64N(int64(last)-from+1)), Owner: owner, Partition: partition})
	}
	slices.SortStableFunc(h.events, func(a, b ledger.Event) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind)) })
	slowly := reference(h)
	verdicts, err := judge(h.facts, h.source())
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		if want := slowly[v.Check]; v.Status != harness.NotObserved && int64(len(want)) != v.Count {
			return fmt.Errorf("without answers, %s: the checks count %d, the reference %d: %v\n%s", v.Check, v.Count, len(want), want, h)
		}
	}
	return nil
}

// planting is a run with a violation of the kind whose turn it is, or none.
func planting(seed uint64) (*world, planted) {
	r := rand.New(rand.NewPCG(seed, 4))
	all := plans()
	if turn := int(seed % uint64(len(all)+1)); turn < len(all) {
		for range 100 {
			w := generate(r, all[turn].of)
			if at, fails, ok := all[turn].plant(w); ok {
				return w, planted{all[turn].kind, at, fails}
			}
		}
	}
	return generate(r, pick(r, plain, plain, transactional, sharing, batching)), planted{}
}

// reads holds the text of a history to what it was written from.
func reads(h *history, want []harness.Verdict) error {
	again := newHistory()
	again.facts.Owners = h.facts.Owners
	for _, line := range lines(h.String()) {
		if err := again.line(line); err != nil {
			return fmt.Errorf("line %q: %w", line, err)
		}
	}
	got, err := judge(again.facts, again.source())
	if err != nil {
		return err
	}
	for i, v := range got {
		if v.Count != want[i].Count || v.Status != want[i].Status {
			return fmt.Errorf("%s: %s %d, read from its text %s %d", v.Check, want[i].Status, want[i].Count, v.Status, v.Count)
		}
	}
	return nil
}
