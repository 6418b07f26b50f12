package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// actor is a pod with all abilities that records its calls.
type actor struct {
	name            string
	mu              sync.Mutex // of the fields below, for faults that wait
	running, paused bool
	did             []string
	err             error // of the next call
}

func (p *actor) do(what string, running, paused bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.did = append(p.did, what)
	if p.err != nil {
		return p.err
	}
	p.running, p.paused = running, paused
	return nil
}

func (p *actor) Name() string                 { return p.name }
func (p *actor) Kill(context.Context) error   { return p.do("kill", false, false) }
func (p *actor) Start(context.Context) error  { return p.do("start", true, false) }
func (p *actor) Pause(context.Context) error  { return p.do("pause", true, true) }
func (p *actor) Resume(context.Context) error { return p.do("resume", p.Running(), false) }
func (p *actor) Stop(context.Context) error   { return p.do("stop", false, false) }

func (p *actor) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running
}

func (p *actor) Paused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused
}

// stage is a fleet of two pods and two spare ones, whose first owns partitions 0
// and 2, the second 1.
func stage() (*harness.Env, []*actor) {
	env := &harness.Env{Group: owners{"pod-1", "pod-2", "pod-1"}, Spare: 2, Rand: rand.New(rand.NewPCG(1, 1))}
	var all []*actor
	for i := range 4 {
		p := &actor{name: fmt.Sprintf("pod-%d", i+1), running: i < 2}
		all, env.Pods = append(all, p), append(env.Pods, p)
	}
	return env, all
}

// called returns the pods that were called, with their calls.
func called(all []*actor) (words []string) {
	for _, p := range all {
		for _, did := range p.did {
			words = append(words, did+" "+p.name)
		}
	}
	return words
}

func TestPodFaultsAffectAnOwner(t *testing.T) {
	all := []int32{0, 1, 2}
	for _, tt := range []struct {
		fault  harness.Fault
		before func(all []*actor)
		hit    harness.Target
		did    []string
		heals  []string
	}{
		{PausePod{}, func(a []*actor) { a[1].paused = true }, harness.Target{Name: "pod-1", Partitions: []int32{0, 2}, Pod: "pod-1"}, []string{"pause pod-1"}, []string{"pause pod-1", "resume pod-1"}},
		{LeavePod{}, func(a []*actor) { a[0].running = false }, harness.Target{Name: "pod-2", Partitions: []int32{1}, Pod: "pod-2"}, []string{"stop pod-2"}, []string{"stop pod-2", "start pod-2"}},
		{KillPod{}, func(a []*actor) { a[0].running = false }, harness.Target{Name: "pod-2", Partitions: []int32{1}, Pod: "pod-2"}, []string{"kill pod-2"}, []string{"kill pod-2", "start pod-2"}},
		{JoinPod{}, func(a []*actor) {}, harness.Target{Name: "pod-3", Partitions: all, None: true}, []string{"start pod-3"}, []string{"start pod-3", "stop pod-3"}},
		{JoinPod{}, func(a []*actor) { a[2].running = true }, harness.Target{Name: "pod-4", Partitions: all, None: true}, []string{"start pod-4"}, []string{"start pod-4", "stop pod-4"}},
	} {
		t.Run(tt.fault.Name(), func(t *testing.T) {
			env, actors := stage()
			tt.before(actors)
			heal, err := tt.fault.Inject(t.Context(), env)
			if err != nil || heal == nil {
				t.Fatalf("error %v, has a heal: %v", err, heal != nil)
			}
			if !reflect.DeepEqual(env.Target, tt.hit) {
				t.Errorf("hit %+v, want %+v", env.Target, tt.hit)
			}
			if did := called(actors); !slices.Equal(did, tt.did) {
				t.Errorf("did %v, want %v", did, tt.did)
			}
			if err := heal(t.Context()); err != nil {
				t.Fatal(err)
			}
			if did := called(actors); !slices.Equal(did, tt.heals) {
				t.Errorf("healed, it did %v, want %v", did, tt.heals)
			}
		})
	}
}

// In a share group a fault chooses any active pod, and affects all partitions.
func TestPodFaultsInAShareGroupAffectAllPartitions(t *testing.T) {
	env, actors := stage()
	env.Share, actors[0].running = true, false
	for _, a := range actors[2:] {
		a.running = false
	}
	if _, err := (KillPod{}).Inject(t.Context(), env); err != nil || env.Target.Pod != "pod-2" || len(env.Target.Partitions) != 3 {
		t.Errorf("error %v, hit %+v", err, env.Target)
	}
}

func TestPodFaultsLeaveSparePodsAlone(t *testing.T) {
	for seed := range uint64(20) {
		env, actors := stage()
		env.Rand = rand.New(rand.NewPCG(seed, 1))
		actors[2].running, actors[3].running = true, true
		env.Group = owners{"pod-3", "pod-4", "pod-2"}
		if _, err := (KillPod{}).Inject(t.Context(), env); err != nil || env.Target.Pod != "pod-2" {
			t.Fatalf("error %v, hit %+v", err, env.Target)
		}
	}
}

// During a rebalance no pod owns partitions for a while.
func TestPodFaultsWaitForAnOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, actors := stage()
		actors[0].paused, actors[1].paused = true, true
		time.AfterFunc(5*time.Second, func() { _ = actors[1].Resume(t.Context()) })
		if _, err := (KillPod{}).Inject(t.Context(), env); err != nil || env.Target.Pod != "pod-2" {
			t.Errorf("error %v, hit %+v", err, env.Target)
		}
	})
}

// If another fault healed the pod already, this heal does nothing.
func TestHealLeavesAPodThatAnotherFaultHealed(t *testing.T) {
	for _, tt := range []struct {
		fault harness.Fault
		other func(p *actor)
	}{
		{KillPod{}, func(p *actor) { p.running = true }},
		{LeavePod{}, func(p *actor) { p.running = true }},
		{JoinPod{}, func(p *actor) { p.running = false }},
	} {
		env, actors := stage()
		heal, err := tt.fault.Inject(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		did := called(actors)
		for _, p := range actors {
			if p.name == env.Target.Name {
				tt.other(p)
			}
		}
		if err := heal(t.Context()); err != nil || !slices.Equal(called(actors), did) {
			t.Errorf("%s: error %v, did %v", tt.fault.Name(), err, called(actors))
		}
	}
}

// plain is a pod without abilities.
type plain struct{ harness.Pod }

func TestPodFaultsReportTheirErrors(t *testing.T) {
	gone := errors.New("gone")
	for _, tt := range []struct {
		fault harness.Fault
		spoil func(env *harness.Env, all []*actor)
		want  string
		heals bool
	}{
		{PausePod{}, func(env *harness.Env, _ []*actor) { env.Group = owners{"", "stranger"} }, "no pod of 4 owns a partition", false},
		{PausePod{}, func(_ *harness.Env, all []*actor) { all[0].err, all[1].err = gone, gone }, "gone", true},
		{PausePod{}, func(env *harness.Env, all []*actor) { env.Pods[0], env.Pods[1] = plain{all[0]}, plain{all[1]} }, "cannot be paused", false},
		{LeavePod{}, func(_ *harness.Env, all []*actor) { all[0].paused, all[1].running = true, false }, "no pod of 4 owns a partition", false},
		{LeavePod{}, func(_ *harness.Env, all []*actor) { all[0].err, all[1].err = gone, gone }, "gone", true},
		{LeavePod{}, func(env *harness.Env, all []*actor) { env.Pods[0], env.Pods[1] = plain{all[0]}, plain{all[1]} }, "cannot be asked to leave", false},
		{JoinPod{}, func(env *harness.Env, _ []*actor) { env.Spare = 0 }, "all of 0 spare pods run", false},
		{JoinPod{}, func(_ *harness.Env, all []*actor) { all[2].err = gone }, "gone", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			env, actors := stage()
			tt.spoil(env, actors)
			heal, err := tt.fault.Inject(t.Context(), env)
			if err == nil || !strings.Contains(err.Error(), tt.want) || (heal != nil) != tt.heals {
				t.Errorf("%s: error %v, want %q; has a heal: %v", tt.fault.Name(), err, tt.want, heal != nil)
			}
		})
	}
}

func TestPodFaultsVerifyTheirEffect(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault harness.Fault
		after func(env *harness.Env, all []*actor) // after the injection
		want  string
	}{
		{"stands still", PausePod{}, func(*harness.Env, []*actor) {}, ""},
		{"is still running", PausePod{}, func(_ *harness.Env, all []*actor) { all[0].paused, all[1].paused = false, false }, "is still running"},
		{"has ended", KillPod{}, func(*harness.Env, []*actor) {}, ""},
		{"was killed and runs", KillPod{}, func(_ *harness.Env, all []*actor) { all[0].running, all[1].running = true, true }, "is still running"},
		{"was asked to leave and runs", LeavePod{}, func(_ *harness.Env, all []*actor) { all[0].running, all[1].running = true, true }, "is still running"},
		{"has joined", JoinPod{}, func(*harness.Env, []*actor) {}, ""},
		{"has gone again", JoinPod{}, func(_ *harness.Env, all []*actor) { all[2].running = false }, "pod-3 has ended again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env, actors := stage()
			if _, err := tt.fault.Inject(t.Context(), env); err != nil {
				t.Fatal(err)
			}
			tt.after(env, actors)
			err := tt.fault.Verify(t.Context(), env)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// holder is a cluster whose clients send a frame as soon as a rule is about it. The broker
// gets the frame only if the rule lets it pass.
type holder struct {
	harness.Cluster
	pod     *actor
	rule    harness.Rule
	silent  bool // silent: no frame comes.
	sent    chan struct{}
	alive   bool // alive: the pod ran when the frame went on.
	stopped bool
}

func (h *holder) ApplyRule(r harness.Rule) (func() int, error) {
	h.rule, h.sent = r, make(chan struct{})
	go func() {
		defer close(h.sent)
		if h.silent {
			return
		}
		r.Reached()
		<-r.Hold
		h.alive = h.pod.Running()
	}()
	return func() int { h.stopped = true; return 1 }, nil
}

func TestPodIsKilledWhileItsFrameIsHeld(t *testing.T) {
	for _, m := range []Moment{BeforeCommit, AfterCommit} {
		env, actors := stage()
		actors[0].running = false
		h := &holder{pod: actors[1]}
		env.Cluster = h
		heal, err := KillPodAt{m}.Inject(t.Context(), env)
		if h.rule.Accepted != m.OnResponse {
			t.Errorf("kill pod %s: a refused request counts: %v", m.Name, m.OnResponse)
		}
		if err != nil {
			t.Fatal(err)
		}
		<-h.sent
		if h.rule.Key != OffsetCommit || h.rule.Client != "pod-2." || h.rule.OnResponse != m.OnResponse || h.rule.Limit != 1 || h.rule.Then != harness.WireReset {
			t.Errorf("%s: rule %+v", m.Name, h.rule)
		}
		if h.alive || !h.stopped || env.Target.Pod != "pod-2" {
			t.Errorf("%s: the frame went on while the pod ran: %v; the rule ended: %v; target %+v", m.Name, h.alive, h.stopped, env.Target)
		}
		if err := heal(t.Context()); err != nil || !slices.Equal(called(actors), []string{"kill pod-2", "start pod-2"}) {
			t.Errorf("%s: error %v, did %v", m.Name, err, called(actors))
		}
	}
}

func TestPodIsNotKilledWithoutItsMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, actors := stage()
		h := &holder{silent: true}
		env.Cluster = h
		if _, err := (KillPodAt{BeforeCommit}).Inject(t.Context(), env); err == nil || !strings.Contains(err.Error(), "before commit: no such moment came") {
			t.Errorf("error %v", err)
		}
		if len(called(actors)) > 0 || !h.stopped {
			t.Errorf("did %v, the rule ended: %v", called(actors), h.stopped)
		}
		env.Cluster = newKafka(nil, nil)
		if _, err := (KillPodAt{BeforeCommit}).Inject(t.Context(), env); err == nil {
			t.Error("a back end without the ability holds commits")
		}
	})
}
