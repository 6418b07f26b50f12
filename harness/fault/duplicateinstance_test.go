package fault

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// staticPod is a pod of a group of static members.
type staticPod struct {
	*actor
	group *fakeTopic
}

func (p staticPod) AllowEnd() error { return p.do("allow", true, false) }

func (p staticPod) StartAs(_ context.Context, id string) error {
	if !p.group.idle {
		p.group.members = []harness.Member{{ID: "second", InstanceID: id}}
	}
	return p.do("start as "+id+":", true, false)
}

// stageStatic is a group of one static member, pod-2, which owns a partition.
func stageStatic() (*harness.Env, *ruler, *fakeTopic, []*actor) {
	env, actors, f := stageTopic()
	r := &ruler{fakeKafka: newKafka(nil, nil)}
	env.Cluster, env.Group = r, owners{"", "pod-2", ""}
	f.members = []harness.Member{{ID: "other"}, {ID: "first", InstanceID: "pod-2"}}
	for i, p := range actors {
		env.Pods[i] = staticPod{p, f}
	}
	return env, r, f, actors
}

func TestSparePodTakesTheInstanceIDOfAPodThatLives(t *testing.T) {
	env, r, _, actors := stageStatic()
	heal, err := DuplicateInstance{}.Inject(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range r.applied {
		if rule.Client != "pod-2." || rule.Answer != fencedInstanceID || !rule.OnResponse {
			t.Errorf("rule %+v is not about answers that fence pod-2", rule)
		}
	}
	r.applied[0].Reached() // the broker answers pod-2
	if err := (DuplicateInstance{}).Verify(t.Context(), env); err != nil {
		t.Errorf("verify: %v", err)
	}
	actors[1].running = false // it ends
	if err := heal(t.Context()); err != nil {
		t.Errorf("heal: %v", err)
	}
	if did, want := called(actors), []string{"allow pod-2", "start pod-2", "start as pod-2: pod-3", "stop pod-3"}; !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
	if r.stopped != len(r.applied) || env.Target.Pod != "pod-2" {
		t.Errorf("%d of %d rules stopped, target %+v", r.stopped, len(r.applied), env.Target)
	}
}

func TestVerifySeesThatTheInstanceIDIsNotTaken(t *testing.T) {
	for why, spoil := range map[string]func(*fakeTopic){
		"still has first":  func(*fakeTopic) {},
		"no member":        func(f *fakeTopic) { f.members = nil },
		"two members":      func(f *fakeTopic) { f.members = append(f.members, f.members[0]) },
		"has not answered": func(*fakeTopic) {},
	} {
		env, r, f, _ := stageStatic()
		f.idle = why == "still has first"
		if _, err := (DuplicateInstance{}).Inject(t.Context(), env); err != nil {
			t.Fatal(err)
		}
		if spoil(f); why != "has not answered" {
			r.applied[0].Reached()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := (DuplicateInstance{}).Verify(ctx, env); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("verify: %v, want %q", err, why)
		}
	}
}
