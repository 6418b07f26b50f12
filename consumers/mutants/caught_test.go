package mutants_test

import (
	"slices"
	"strings"
	"testing"

	_ "github.com/stampede-bench/stampede/consumers"
	_ "github.com/stampede-bench/stampede/consumers/mutants"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/lock"
)

func TestMain(m *testing.M) { bench.Main(m) }

// Each mutant is caught in virtual time by every check that must, and by none
// that never may.
func TestMutantsInVirtualTime(t *testing.T) {
	for _, c := range culprits() {
		for _, scene := range c.scenes() {
			t.Run(c.name+"/"+scene, func(t *testing.T) {
				t.Parallel()
				r := play(t, "virtual", scenes[scene], c.consumer, 1)
				if err := c.held(r); err != nil {
					t.Errorf("%s %v\n%v", r.Status, r.Reasons, err)
				}
				t.Logf("found %v", found(r))
			})
		}
	}
}

// few are the mutants that are caught in real time too, where all would take long;
// make soak-mutants has them all.
var few = []string{"mutant-claims-partition-order", "mutant-drops-record", "mutant-completes-before-work", "mutant-works-on-phantom", "mutant-commits-skipped", "mutant-stalls", "mutant-works-twice"}

func TestFewInRealTime(t *testing.T) {
	lock.Machine(t)
	for _, c := range culprits() {
		if !slices.Contains(few, c.name) {
			continue
		}
		for _, scene := range c.scenes() {
			t.Run(c.name+"/"+scene, func(t *testing.T) {
				t.Parallel()
				r := play(t, "embedded", scenes[scene], c.consumer, 1)
				if err := c.held(r); err != nil {
					t.Errorf("%s %v\n%v", r.Status, r.Reasons, err)
				}
			})
		}
	}
	for _, i := range honest() {
		t.Run(i.Name, func(t *testing.T) {
			t.Parallel()
			if r := play(t, "embedded", scenes["steady"], i.Name, 1); r.Status != harness.Pass {
				t.Errorf("%s: %v", r.Status, r.Reasons)
			}
		})
	}
}

// Honest consumers are clean in all scenes.
func TestHonestInVirtualTime(t *testing.T) {
	for _, i := range honest() {
		for scene := range scenes {
			if !fits(i, scene) {
				continue
			}
			t.Run(i.Name+"/"+scene, func(t *testing.T) {
				t.Parallel()
				r := play(t, "virtual", scenes[scene], i.Name, 1)
				if r.Status != harness.Pass {
					t.Errorf("%s: %v\n%s", r.Status, r.Reasons, firsts(r))
				}
				t.Logf("found %v", found(r))
			})
		}
	}
}

// honest are the consumers that must be clean: the good ones and those that
// mutants differ from by their bug.
func honest() (list []*harness.Implementation) {
	for _, i := range harness.Implementations() {
		if !i.Control() && (!i.Mutant || strings.HasPrefix(i.Name, "plain-")) {
			list = append(list, i)
		}
	}
	return list
}

// fits leaves out brokers that misbehave, and what means nothing to a consumer: poison to one that has
// nowhere to put it and keeps trying, answers to commits of a group to one that
// commits in transactions or answers for each record. Of the designs only the keyed
// promise that keys do not wait for each other.
func fits(i *harness.Implementation, scene string) bool {
	switch {
	case strings.HasSuffix(scene, "-broker"):
		return false
	case scene == "sick-key":
		return i.Name == "keyed" || i.Name == "keyed-batch"
	case strings.HasPrefix(scene, "poison"):
		return slices.ContainsFunc(i.SideTopicsOf(harness.Config{}), func(s harness.SideTopic) bool { return s.Role == harness.RoleDeadLetter })
	case scene == "lost-answers":
		return i.Effect == harness.EffectWork && !i.Share
	}
	return true
}
