package oracle

import (
	"cmp"
	"errors"
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

// TestOraclesAgree generates legal runs and plants one violation in most of them. Each check finds all that the
// reference says it must find, and nothing that it may not find. It also names what was planted.
// STAMPEDE_HISTORIES is the number of runs, STAMPEDE_SEED the first seed.
func TestOraclesAgree(t *testing.T) {
	histories, first := setting(t, "STAMPEDE_HISTORIES", enoughHistories), setting(t, "STAMPEDE_SEED", 1)
	var next, failures atomic.Int64
	var mu sync.Mutex
	planted, failed, made := map[string]int{}, map[string]bool{}, map[string]int{}
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for failures.Load() < 3 {
				n := int(next.Add(1)) - 1
				if n >= histories {
					return
				}
				p, facts, err := agree(uint64(first + n))
				if err != nil {
					failures.Add(1)
					t.Errorf("seed %d: %v", first+n, err)
				}
				mu.Lock()
				planted[p.kind]++
				for _, check := range p.fails {
					failed[check] = true
				}
				for _, fact := range facts {
					made[fact]++
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
	for _, fact := range rareFacts {
		if t.Logf("%6d x %s", made[fact], fact); made[fact] == 0 && histories >= enoughHistories {
			t.Errorf("no history has %q", fact)
		}
	}
	for _, e := range judgedEntries() {
		if !failed[e.name] && e.heldTo != nil {
			t.Errorf("nothing that was planted makes the check %q fail", e.name)
		}
	}
}

// enoughHistories is a number of histories that have each rare fact.
const enoughHistories = 1500

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

// rareFacts are what some histories have. Each must be made, or the oracles agree on nothing about it.
var rareFacts = append([]string{
	"a deletion", "a truncation", "expired commits", "a reset to the start", "a reset to the end", "an added partition",
	"a record twice in the log", "a copied record twice in the log", "an output of a record twice in the log",
	"any repeats", "bounded repeats", "livelock", "repeat rate",
}, "warning: "+CheckUnexplainedDuplicate, "warning: "+CheckCommitRegression, "warning: "+CheckStalledCommit)

// factsOf lists the rare facts of a history, and of what the checks found in it.
func (r *reference) factsOf(verdicts []harness.Verdict) (facts []string) {
	add := func(fact string, has bool) {
		if has {
			facts = append(facts, fact)
		}
	}
	has := func(kind ledger.EventKind, latest bool) bool {
		return slices.ContainsFunc(r.events, func(e ledger.Event) bool {
			return e.Kind == kind && (kind != ledger.EventReset || e.IsLatest() == latest)
		})
	}
	add("a deletion", has(ledger.EventTrimmed, false))
	add("a truncation", len(r.facts.Truncations) > 0)
	add("expired commits", has(ledger.EventExpired, false))
	add("a reset to the start", has(ledger.EventReset, false))
	add("a reset to the end", has(ledger.EventReset, true))
	add("an added partition", has(ledger.EventAdded, false) && r.facts.Added > 0)
	for id, places := range r.positions {
		add("a record twice in the log", len(places) > 1 && !r.copied[id])
		add("a copied record twice in the log", len(places) > 1 && r.copied[id] && r.facts.Effect != harness.EffectOutput)
		add("an output of a record twice in the log", len(places) > 1 && r.copied[id] && r.facts.Effect == harness.EffectOutput)
	}
	for _, v := range verdicts {
		add(v.Check, v.Status == harness.Fail)
		add("warning: "+v.Check, v.Status == harness.Warning)
	}
	if r.facts.Delivery == harness.AtLeastOnce {
		facts = append(facts, map[bool]string{true: "any repeats", false: "bounded repeats"}[r.facts.Redelivery.AllowsAny()])
	}
	return facts
}

// agree judges the history of a seed and returns what was planted, and the rare facts of the history.
func agree(seed uint64) (p planted, facts []string, err error) {
	w, p := planting(seed)
	if rand.New(rand.NewPCG(seed, 6)).IntN(8) == 0 && w.facts.Effect != harness.EffectOutput { // the reference expects transactions of those
		w.facts.Delivery, w.facts.Order = "", ""
		p.fails = slices.DeleteFunc(slices.Clone(p.fails), func(check string) bool { return !slices.Contains(heldWithoutClaims, check) })
	}
	var warned []string
	if w.facts.Delivery == harness.AtLeastOnce && (w.facts.Redelivery.AllowsAny() || rand.New(rand.NewPCG(seed, 7)).IntN(4) == 0) {
		w.facts.Redelivery = harness.RedeliveryAny
		p.fails, warned = splitWarned(p.fails)
		if w.facts.Order == harness.OrderNone {
			p.fails = slices.DeleteFunc(p.fails, func(check string) bool { return check == CheckZombie })
		}
	}
	r := w.expect()
	verdicts, err := judge(r.facts, r.h.source())
	if err != nil {
		return p, nil, err
	}
	facts = r.factsOf(verdicts)
	fail := func(format string, args ...any) error {
		return fmt.Errorf("planted %q at %v: %s\n%s", p.kind, p.at, fmt.Sprintf(format, args...), r.h)
	}
	if seed%50 == 0 {
		if err := reads(r.h, verdicts); err != nil {
			return p, facts, fail("%v", err)
		}
	}
	if err := r.compare(verdicts); err != nil {
		return p, facts, fail("%v", err)
	}
	for _, v := range verdicts {
		if v.Status == harness.Fail && r.facts.Delivery == "" && !slices.Contains(heldWithoutClaims, v.Check) {
			return p, facts, fail("%s fails, and the consumer claims nothing", v.Check)
		}
		if any := w.facts.Redelivery == harness.RedeliveryAny && w.facts.Delivery == harness.AtLeastOnce; v.Status == harness.Warning && (!any || v.Count == 0) ||
			any && v.Status != harness.Fail && v.Status != harness.NotObserved && (v.Status == harness.Warning) != (v.Count > 0 && slices.Contains(warnedUnderAny, v.Check)) {
			return p, facts, fail("%s is %s (%d), with redelivery %q", v.Check, v.Status, v.Count, w.facts.Redelivery)
		}
		if p.free {
			continue
		}
		if warns := v.Status == harness.Warning; slices.Contains(warned, v.Check) && !warns {
			return p, facts, fail("%s is %s (%d), and must warn", v.Check, v.Status, v.Count)
		}
		if fails := v.Status == harness.Fail; fails != slices.Contains(p.fails, v.Check) {
			return p, facts, fail("%s is %s (%d: %v), and %v must fail", v.Check, v.Status, v.Count, r.expected.may[v.Check], p.fails)
		}
		named := slices.ContainsFunc(v.Examples, func(a harness.Anomaly) bool {
			return slices.ContainsFunc(p.at, func(at ledger.Position) bool {
				return r.expectedAt(v.Check, at) == r.expectedAt(v.Check, positionOf(&a))
			})
		})
		if v.Status == harness.Fail && v.Count <= maxExamples && !named {
			return p, facts, fail("%s does not name what was planted: %v", v.Check, r.expected.may[v.Check])
		}
	}
	if r.facts.Share {
		return p, facts, errors.Join(agreeOnKafka(w, rand.New(rand.NewPCG(seed, 5)), true), agreeOnKafka(w, rand.New(rand.NewPCG(seed, 7)), false))
	}
	return p, facts, nil
}

// warnedUnderAny are the checks that only warn a consumer which allows itself any repeats.
var warnedUnderAny = []string{CheckUnexplainedDuplicate, CheckCommitRegression, CheckStalledCommit}

// splitWarned splits the checks that would fail a consumer with bounded repeats into those that
// fail one with any repeats, and those that warn it.
func splitWarned(checks []string) (fails, warned []string) {
	for _, c := range checks {
		if slices.Contains(warnedUnderAny, c) {
			warned = append(warned, c)
		} else {
			fails = append(fails, c)
		}
	}
	return fails, warned
}

func positionOf(a *harness.Anomaly) ledger.Position {
	return ledger.Position{Topic: a.Topic, Partition: a.Partition, Offset: a.Offset}
}

// compare compares verdicts with what the reference expects.
func (r *reference) compare(verdicts []harness.Verdict) error {
	blurred := r.isBlurred()
	for _, v := range verdicts {
		must, may := r.expected.must[v.Check], r.expected.may[v.Check]
		if v.Status == harness.NotObserved || blurred && slices.Contains(fenceable, v.Check) {
			continue
		}
		if v.Count < int64(len(must)) || v.Count > int64(len(may)) {
			return fmt.Errorf("%s counts %d: it must find %v, and may find %v (the rule is in reference_test.go); %s", v.Check, v.Count, must, may, textOf(v.Examples))
		}
		named := map[ledger.Position]bool{}
		for _, a := range v.Examples {
			at := r.expectedAt(v.Check, positionOf(&a))
			if named[at] = true; !slices.Contains(may, at) {
				return fmt.Errorf("%s names %v, and may name %v", v.Check, at, may)
			}
		}
		missed := slices.ContainsFunc(must, func(at ledger.Position) bool { return !named[at] })
		if v.Count <= maxExamples && missed {
			return fmt.Errorf("%s names %v, and must name %v", v.Check, named, must)
		}
	}
	return nil
}

func textOf(list []harness.Anomaly) (text string) {
	for _, a := range list {
		text += fmt.Sprintf("%v: %s. ", positionOf(&a), a.Text)
	}
	return text
}

// expectedAt is where the reference expects an anomaly that a check names at a position. It expects
// a redelivery at the first place of the record, whatever the place it was found at.
func (r *reference) expectedAt(check string, p ledger.Position) ledger.Position {
	if slices.Contains([]string{CheckUnexplainedDuplicate, CheckRedelivery, CheckConflictingOutcomes, CheckRepeatRate}, check) {
		return r.record(p)
	}
	return p
}

// agreeOnKafka judges a history of a share group once more, as real Kafka shows it, which forgets
// deliveries. A fault affects a pod, or no pod in particular, for a while. blind: acknowledgements are
// not seen.
func agreeOnKafka(w *simulation, r *rand.Rand, blind bool) error {
	seen := w.history()
	facts := *seen.facts
	facts.Log, facts.Volatile = facts.newLog(), true
	if blind {
		facts.Unobserved = WireChecks()
	}
	h := &history{facts: &facts, ids: seen.ids, lies: seen.lies}
	for _, e := range seen.events {
		if !blind || e.Kind != ledger.EventAcknowledged && e.Kind != ledger.EventAcquired {
			h.events = append(h.events, e)
		}
	}
	last := slices.MaxFunc(h.events, func(a, b ledger.Event) int { return cmp.Compare(a.At, b.At) }).At
	from := r.Int64N(int64(last) + 1)
	owner, partition := ledger.Owner(r.IntN(3)), int32(r.IntN(3)-1) // of no pod and no partition: a pod joins
	h.events = append(h.events, ledger.Event{Kind: ledger.EventInject, At: time.Duration(from), Owner: owner, Partition: partition})
	if r.IntN(4) > 0 {
		h.events = append(h.events, ledger.Event{Kind: ledger.EventHeal, At: time.Duration(from + r.Int64N(int64(last)-from+1)), Owner: owner, Partition: partition})
	}
	slices.SortStableFunc(h.events, func(a, b ledger.Event) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind)) })
	again := newReference(w, h)
	again.blind = blind
	again.judge()
	verdicts, err := judge(h.facts, h.source())
	if err != nil {
		return err
	}
	// The fault also excuses losses, and the simulation does not know of it.
	verdicts = slices.DeleteFunc(verdicts, func(v harness.Verdict) bool { return v.Check == CheckUnexplainedLoss })
	if err := again.compare(verdicts); err != nil {
		return fmt.Errorf("on real Kafka, blind %v: %w\n%s", blind, err, h)
	}
	return nil
}

// planting is a run with a violation of the kind whose turn it is, or with none.
func planting(seed uint64) (*simulation, planted) {
	r := rand.New(rand.NewPCG(seed, 4))
	all := plans()
	if turn := int(seed % uint64(len(all)+1)); turn < len(all) {
		for range 100 {
			w := generate(r, all[turn].of)
			if at, fails, ok := all[turn].plant(w); ok {
				if !all[turn].free && all[turn].kind != "excess buffering" {
					w.declareBuffering() // for a pod may have records for longer now
				}
				return w, planted{all[turn].kind, at, fails, all[turn].free}
			}
		}
	}
	return generate(r, pick(r, plain, plain, transactional, sharing, batching, truncating)), planted{}
}

// reads compares the verdicts on the text of a history with those on the history.
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
