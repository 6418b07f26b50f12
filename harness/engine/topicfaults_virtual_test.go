//go:build synctests

package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// What retention deletes is overtaken: it is neither lost nor a phantom, and all else is completed.
func TestHonestConsumerPassesRetention(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) {
		s.Load.Pacer = load.Step{Base: 100, Burst: 3000, After: 5 * time.Second, Length: 2 * time.Second, For: 15 * time.Second}
		s.Partitions, s.Workers, s.Window, s.Service = 6, 4, 50, load.Fixed(10*time.Millisecond)
		s.Injections = []harness.Injection{{Fault: fault.DeleteRecords{}, At: 7 * time.Second, HealAfter: 2 * time.Second}}
	}, func(t *testing.T, r *harness.Run) {
		overtaken := verdictOn(t, r, oracle.CheckOvertaken)
		gone := overtaken.Count
		if gone > 0 && !strings.Contains(overtaken.Examples[0].Text, "and went on at the start of the log") {
			t.Errorf("it does not say which pod was told: %s", overtaken.Examples[0].Text)
		}
		if r.Status != harness.Pass || gone == 0 || r.Counts.Completed+gone != r.Counts.Appended {
			t.Errorf("%d overtaken, %d of %d completed", gone, r.Counts.Completed, r.Counts.Appended)
		}
	})
}

// The producer uses partitions that were added, and the group finds them.
func TestHonestConsumerPassesAddedPartitions(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: fault.AddPartitions{}, At: 8 * time.Second, HealAfter: 5 * time.Second}}
	}, func(t *testing.T, r *harness.Run) {
		if r.Status != harness.Pass || r.Counts.Completed != 3000 {
			t.Errorf("%d of 3000 completed", r.Counts.Completed)
		}
	})
}

// What a group repeats after its commits expired has a reason, and so have its lower commits.
func TestHonestConsumerPassesExpiredCommits(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: fault.ExpireCommits{}, At: 8 * time.Second, HealAfter: 2 * time.Second}}
	}, func(t *testing.T, r *harness.Run) {
		if r.Status != harness.Pass || r.Counts.Completed != 3000 || r.Counts.Redelivered < 700 {
			t.Errorf("%d of 3000 completed, %d redelivered of some 800", r.Counts.Completed, r.Counts.Redelivered)
		}
	})
}

func verdictOn(t *testing.T, r *harness.Run, check string) harness.Verdict {
	t.Helper()
	for _, v := range r.Verdicts {
		if v.Check == check {
			return v
		}
	}
	t.Fatalf("no verdict on %s", check)
	return harness.Verdict{}
}

// The records of a topic that is created again are completed, and those of the old one are no
// phantoms and not lost.
func TestHonestConsumerPassesARecreatedTopic(t *testing.T) {
	for _, consumer := range []string{"keyed", "keyed@848", "serial", "txn"} {
		r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) {
			s.Injections = []harness.Injection{{Fault: fault.RecreateTopic{}, At: 8 * time.Second, HealAfter: 5 * time.Second}}
		}), consumer, 1)
		if err != nil {
			t.Fatal(err)
		}
		if gone := verdictOn(t, r, oracle.CheckOvertaken).Count; r.Status != harness.Pass || r.Counts.Completed+gone != 3000 {
			t.Errorf("%s: %s: %v; %d of 3000 completed, %d overtaken", consumer, r.Status, r.Reasons, r.Counts.Completed, gone)
			logFailures(t, r)
		}
	}
}
