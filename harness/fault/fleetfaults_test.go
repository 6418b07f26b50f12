package fault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestFaultsOfSeveralPodsDoWhatTheySay(t *testing.T) {
	const sec = time.Second
	for _, tt := range []struct {
		name   string
		fault  harness.Fault
		takes  time.Duration
		did    []string // in the order of the pods
		healed []string
	}{
		{"rolling deploy", RollPods{Down: sec, Pause: 3 * sec}, 5 * sec, []string{"stop pod-1", "start pod-1", "stop pod-2", "start pod-2"}, nil},
		{"crash loop", FlapPod{Times: 2, Up: 2 * sec, Down: sec}, 4 * sec, []string{"kill pod-1", "start pod-1", "kill pod-1", "start pod-1"}, nil},
		{"loop of leaves", FlapPod{Times: 2, Up: 2 * sec, Down: sec, Leave: true}, 4 * sec, []string{"stop pod-1", "start pod-1", "stop pod-1", "start pod-1"}, nil},
		{"scale out", ScaleOut{}, 0, []string{"start pod-3", "start pod-4"}, []string{"start pod-3", "stop pod-3", "start pod-4", "stop pod-4"}},
		{"scale out by one", ScaleOut{Pods: 1}, 0, []string{"start pod-3"}, []string{"start pod-3", "stop pod-3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env, actors := stage()
				env.Group = owners{"pod-1", "pod-1", "pod-1"}
				began := time.Now()
				heal, err := tt.fault.Inject(t.Context(), env)
				if err != nil || time.Since(began) != tt.takes || !slices.Equal(called(actors), tt.did) {
					t.Errorf("error %v after %v, did %v", err, time.Since(began), called(actors))
				}
				if err := tt.fault.Verify(t.Context(), env); err != nil || len(env.Target.Partitions) != 3 {
					t.Errorf("verify: %v; hit %+v", err, env.Target)
				}
				if (heal != nil) != (tt.healed != nil) {
					t.Fatalf("has a heal: %v", heal != nil)
				}
				if heal != nil {
					if err := heal(t.Context()); err != nil || !slices.Equal(called(actors), tt.healed) {
						t.Errorf("healed with %v, it did %v", err, called(actors))
					}
				}
			})
		})
	}
}

func TestFaultsOfSeveralPodsVerifyTheirEffect(t *testing.T) {
	for _, tt := range []struct {
		fault harness.Fault
		after func(all []*actor)
		want  string
	}{
		{RollPods{}, func(all []*actor) { all[1].running = false }, "pod-2 has not come back"},
		{FlapPod{Times: 1}, func(all []*actor) { all[0].running = false }, "pod-1 has not come back"},
		{ScaleOut{}, func(all []*actor) { all[2].running, all[3].running = false, false }, "0 of the pods run"},
		{ScaleOut{Pods: 2}, func(all []*actor) { all[2].running = false }, "1 of the pods run"},
	} {
		env, actors := stage()
		env.Group = owners{"pod-1", "pod-1", "pod-1"}
		if _, err := tt.fault.Inject(t.Context(), env); err != nil {
			t.Fatal(err)
		}
		tt.after(actors)
		if err := tt.fault.Verify(t.Context(), env); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.fault.Name(), err, tt.want)
		}
	}
}

// A fault that is interrupted while a pod is away brings that pod back by its heal.
func TestInterruptedFaultsOfPodsBringThePodBack(t *testing.T) {
	for _, f := range []harness.Fault{RollPods{Down: time.Hour}, FlapPod{Times: 2, Down: time.Hour}, FlapPod{Times: 2, Down: time.Hour, Leave: true}} {
		synctest.Test(t, func(t *testing.T) {
			env, actors := stage()
			env.Group = owners{"pod-1", "pod-1", "pod-1"}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			heal, err := f.Inject(ctx, env)
			if !errors.Is(err, context.DeadlineExceeded) || heal == nil || actors[0].Running() {
				t.Fatalf("%s: error %v, has a heal: %v, the pod runs: %v", f.Name(), err, heal != nil, actors[0].Running())
			}
			if err := heal(t.Context()); err != nil || !actors[0].Running() {
				t.Errorf("%s: heal: %v, the pod runs: %v", f.Name(), err, actors[0].Running())
			}
		})
	}
}

func TestScaleOutNeedsEnoughSparePods(t *testing.T) {
	env, _ := stage()
	if _, err := (ScaleOut{Pods: 3}).Inject(t.Context(), env); err == nil || !strings.Contains(err.Error(), "2 of 2 spare pods can start, want 3") {
		t.Errorf("error %v", err)
	}
}
