package engine_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
)

func TestPodIsKilledAtMomentsOfItsCommit(t *testing.T) {
	lock.Machine(t)
	killAtMoments(t, nil)
}

func TestPodIsKilledAtMomentsOfItsCommitOnRealKafka(t *testing.T) {
	killAtMoments(t, realKafka(t))
}

// momentRepeats is how often a test repeats each moment.
func momentRepeats() int {
	if n, err := strconv.Atoi(os.Getenv("STAMPEDE_MOMENTS")); err == nil {
		return n
	}
	return 1
}

// killAtMoments kills pods before the broker has a commit, and in the next run after it has
// the commit but before the pod knows. The ledger says what the broker had: no commit of the
// pod since the fault began, or one. STAMPEDE_MOMENTS is how many kills a run has.
func killAtMoments(t *testing.T, backend harness.Backend) {
	kills := momentRepeats()
	const first, every = 2 * time.Second, 3 * time.Second
	for _, moment := range []fault.Moment{fault.BeforeCommit, fault.AfterCommit} {
		p := plan(t, "keyed", func(s *harness.Scenario) {
			s.Load.Pacer = load.Constant{Rate: 300, For: first + time.Duration(kills)*every}
			s.Service, s.Workers, s.Commit, s.Drain = load.Fixed(10*time.Millisecond), 8, 200*time.Millisecond, 30*time.Second
			for n := range kills {
				s.Injections = append(s.Injections, harness.Injection{Fault: fault.KillPodAt{Moment: moment}, At: first + time.Duration(n)*every, HealAfter: time.Second})
			}
		})
		p.KeepIn, p.KeepAll = t.TempDir(), true
		if backend != nil {
			p.Backend = backend
		}
		o, err := engine.Run(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if o.Run.Status != harness.Pass || len(o.Run.Faults) != kills {
			t.Errorf("%s: %s: %v; faults %+v", moment.Name, o.Run.Status, o.Run.Reasons, o.Run.Faults)
		}
		// The broker stamps a commit in whole milliseconds. The fault begins a moment before its rule.
		grace := 5 * time.Millisecond
		if moment.OnResponse {
			grace = -grace
		}
		for n, commits := range commitsAfterKills(t, filepath.Join(o.Run.Ledger, "observed.journal"), grace) {
			if had := commits > 0; had != moment.OnResponse {
				t.Errorf("kill %d of %d %s: the broker has %d commits of the pod since then", n+1, kills, moment.Name, commits)
			}
		}
	}
}

// commitsAfterKills returns, for each fault, how many commits of the pod it killed took
// effect from a time after the begin of the fault on.
func commitsAfterKills(t *testing.T, journal string, grace time.Duration) (counts []int) {
	r, err := ledger.Open(journal)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	type moment struct {
		owner ledger.Owner
		at    int64
	}
	var kills, commits []moment
	err = r.Each(func(s *ledger.Slot) {
		switch {
		case s.Kind() == ledger.KindInject:
			kills = append(kills, moment{s.Owner(), s.At()})
		case s.Kind() == ledger.KindCommit && s.Outcome() == ledger.OutcomeConfirmed:
			commits = append(commits, moment{s.Owner(), s.At()})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kills {
		n := 0
		for _, c := range commits {
			if c.owner == k.owner && c.at > k.at+int64(grace) {
				n++
			}
		}
		counts = append(counts, n)
	}
	return counts
}
