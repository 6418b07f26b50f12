package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// scripted is a fault that records its calls.
type scripted struct {
	name            string
	note            func(format string, args ...any)
	takes           time.Duration // to inject
	injectErr       error
	halfway         bool // it returns a heal with its error
	healErr         error
	verifies        time.Duration // how long until it takes effect
	blocks, unheals bool          // Inject lasts until ctx ends; it has no heal
	healBlocksOnce  bool          // the first heal lasts until ctx ends
	ignores         time.Duration // Inject lasts for this time, whatever ctx says
}

func (s *scripted) Name() string { return s.name }

func (s *scripted) Inject(ctx context.Context, env *harness.Env) (func(context.Context) error, error) {
	if env.Target.Name != "" {
		return nil, fmt.Errorf("the hit of %s is still there", env.Target.Name)
	}
	env.Target.Name = s.name
	s.note("inject %s", s.name)
	if s.blocks {
		<-ctx.Done()
		return s.heal, ctx.Err()
	}
	time.Sleep(s.takes + s.ignores)
	if s.ignores > 0 {
		env.Target.Name = "late"
	}
	if s.unheals || s.injectErr != nil && !s.halfway {
		return nil, s.injectErr
	}
	return s.heal, s.injectErr
}

func (s *scripted) heal(ctx context.Context) error {
	if s.healBlocksOnce {
		s.healBlocksOnce = false
		<-ctx.Done()
	}
	s.note("heal %s, ctx %v", s.name, ctx.Err())
	return errors.Join(s.healErr, ctx.Err())
}

func (s *scripted) Verify(ctx context.Context, env *harness.Env) error {
	if env.Target.Name != s.name {
		return fmt.Errorf("asked with the hit of %q", env.Target.Name)
	}
	if !sleep(ctx, s.verifies) {
		return errors.New("nothing shows")
	}
	return nil
}

func TestRunnerInjectsVerifiesAndHeals(t *testing.T) {
	sec := time.Second
	gone := errors.New("gone")
	tests := []struct {
		name       string
		injections []harness.Injection
		end        time.Duration // of ctx; 0: never
		notes      []string
		outcomes   []string
		err        string
	}{
		{
			name:     "nothing to do",
			outcomes: nil,
		},
		{
			name: "in time order, overlapping, healed after their times",
			injections: []harness.Injection{
				{Fault: &scripted{name: "b"}, At: 4 * sec, HealAfter: 10 * sec},
				{Fault: &scripted{name: "a"}, At: 2 * sec, HealSessions: 1, HealAfter: sec},
				{Fault: &scripted{name: "c"}, At: 30 * sec},
			},
			notes: []string{
				"2s before 1", "2s inject a", "2s injected 1 a at 2s",
				"4s before 0", "4s inject b", "4s injected 0 b at 4s",
				"9s heal a, ctx <nil>", "9s healed 1 at 9s",
				"14s heal b, ctx <nil>", "14s healed 0 at 14s",
				"30s before 2", "30s inject c", "30s injected 2 c at 30s",
			},
			outcomes: []string{"b 4s 14s <nil>", "a 2s 9s <nil>", "c 30s -1ns <nil>"},
		},
		{
			name: "at one time in the order of the scenario",
			injections: []harness.Injection{
				{Fault: &scripted{name: "b"}, At: sec}, {Fault: &scripted{name: "a"}, At: sec}, {Fault: &scripted{name: "c"}, At: sec},
			},
			notes: []string{
				"1s before 0", "1s inject b", "1s injected 0 b at 1s", "1s before 1", "1s inject a", "1s injected 1 a at 1s",
				"1s before 2", "1s inject c", "1s injected 2 c at 1s",
			},
			outcomes: []string{"b 1s -1ns <nil>", "a 1s -1ns <nil>", "c 1s -1ns <nil>"},
		},
		{
			name: "what falls due meanwhile is late",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a", takes: 3 * sec}, At: 2 * sec, HealAfter: sec},
				{Fault: &scripted{name: "b", unheals: true}, At: 4 * sec, HealAfter: sec},
			},
			notes: []string{
				"2s before 0", "2s inject a", "5s injected 0 a at 2s",
				"5s before 1", "5s inject b", "5s injected 1 b at 5s",
				"6s heal a, ctx <nil>", "6s healed 0 at 6s", "6s healed 1 at 6s",
			},
			// a lasts for a second after its injection, however long that took; b ends by itself
			outcomes: []string{"a 2s 6s <nil>", "b 5s 6s <nil>"},
		},
		{
			name: "a heal is not late, whatever an injection waits for",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a"}, At: 1 * sec, HealAfter: 2 * sec},
				{Fault: &scripted{name: "b", takes: 9 * sec, verifies: 2 * sec}, At: 2 * sec, HealAfter: 20 * sec},
				{Fault: &scripted{name: "c"}, At: 3 * sec},
			},
			notes: []string{
				"1s before 0", "1s inject a", "1s injected 0 a at 1s", "2s before 1", "2s inject b",
				"3s heal a, ctx <nil>", "3s healed 0 at 3s", "11s injected 1 b at 2s",
				"13s before 2", "13s inject c", "13s injected 2 c at 13s", "31s heal b, ctx <nil>", "31s healed 1 at 31s",
			},
			outcomes: []string{"a 1s 3s <nil>", "b 2s 31s <nil>", "c 13s -1ns <nil>"},
		},
		{
			name: "a heal that fails during an injection",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a", healErr: gone}, At: 1 * sec, HealAfter: 2 * sec},
				{Fault: &scripted{name: "b", takes: 9 * sec}, At: 2 * sec, HealAfter: 20 * sec},
				{Fault: &scripted{name: "c"}, At: 12 * sec},
			},
			outcomes: []string{"a 1s -1ns <nil>", "b 2s 11s <nil>", " -1ns -1ns <nil>"},
			err:      "heal a: gone",
		},
		{
			name: "verified until the heal, or the limit",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a", verifies: 2 * sec}, At: 0, HealAfter: 3 * sec},
				{Fault: &scripted{name: "b", verifies: 4 * sec}, At: 10 * sec, HealAfter: 3 * sec},
				{Fault: &scripted{name: "c", verifies: time.Hour}, At: 20 * sec},
			},
			outcomes: []string{"a 0s 3s <nil>", "b 10s 13s nothing shows", "c 20s -1ns nothing shows"},
		},
		{
			name: "the end heals what is not healed, and injects nothing",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a"}, At: 1 * sec, HealAfter: 60 * sec},
				{Fault: &scripted{name: "b"}, At: 2 * sec, HealAfter: 30 * sec},
				{Fault: &scripted{name: "c"}, At: 3 * sec},
				{Fault: &scripted{name: "d"}, At: 9 * sec},
			},
			end: 5 * sec,
			notes: []string{
				"1s before 0", "1s inject a", "1s injected 0 a at 1s",
				"2s before 1", "2s inject b", "2s injected 1 b at 2s",
				"3s before 2", "3s inject c", "3s injected 2 c at 3s",
				"5s heal b, ctx <nil>", "5s healed 1 at 5s", "5s heal a, ctx <nil>", "5s healed 0 at 5s",
			},
			outcomes: []string{"a 1s 5s <nil>", "b 2s 5s <nil>", "c 3s -1ns <nil>", " -1ns -1ns <nil>"},
		},
		{
			name: "the end in an injection, which may have happened",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a", blocks: true}, At: sec, HealAfter: 60 * sec},
			},
			end:      5 * sec,
			notes:    []string{"1s before 0", "1s inject a", "5s heal a, ctx <nil>"},
			outcomes: []string{"a -1ns 5s <nil>"},
		},
		{
			name: "the end in an injection that ignores it, which is given up",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a"}, At: sec, HealAfter: 100 * sec},
				{Fault: &scripted{name: "b", ignores: time.Hour}, At: 2 * sec, HealAfter: 60 * sec},
			},
			end: 5 * sec,
			notes: []string{
				"1s before 0", "1s inject a", "1s injected 0 a at 1s", "2s before 1", "2s inject b",
				"35s heal a, ctx <nil>", "35s healed 0 at 35s",
			},
			outcomes: []string{"a 1s 35s <nil>", " -1ns -1ns <nil>"},
			err:      "inject b: it has not returned 30s after the end of its context: a fault returns soon once its context has ended",
		},
		{
			name: "the end in a heal, which is tried again",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a", healBlocksOnce: true}, At: sec, HealAfter: sec},
			},
			end: 5 * sec,
			notes: []string{
				"1s before 0", "1s inject a", "1s injected 0 a at 1s",
				"5s heal a, ctx context canceled", "5s heal a, ctx <nil>", "5s healed 0 at 5s",
			},
			outcomes: []string{"a 1s 5s <nil>"},
		},
		{
			name: "an injection that fails half-way is undone with the rest",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a"}, At: 1 * sec, HealAfter: 60 * sec},
				{Fault: &scripted{name: "b", injectErr: gone, halfway: true}, At: 2 * sec},
				{Fault: &scripted{name: "c"}, At: 3 * sec},
			},
			notes: []string{
				"1s before 0", "1s inject a", "1s injected 0 a at 1s", "2s before 1", "2s inject b",
				"2s heal b, ctx <nil>", "2s heal a, ctx <nil>", "2s healed 0 at 2s",
			},
			outcomes: []string{"a 1s 2s <nil>", "b -1ns 2s <nil>", " -1ns -1ns <nil>"},
			err:      "inject b: gone",
		},
		{
			name: "a heal that fails does not keep the others from theirs",
			injections: []harness.Injection{
				{Fault: &scripted{name: "a"}, At: 1 * sec, HealAfter: 60 * sec},
				{Fault: &scripted{name: "b", healErr: gone}, At: 2 * sec, HealAfter: sec},
			},
			notes: []string{
				"1s before 0", "1s inject a", "1s injected 0 a at 1s", "2s before 1", "2s inject b", "2s injected 1 b at 2s",
				"3s heal b, ctx <nil>", "3s heal a, ctx <nil>", "3s healed 0 at 3s",
			},
			outcomes: []string{"a 1s 3s <nil>", "b 2s -1ns <nil>"},
			err:      "heal b: gone",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.end > 0 {
					defer time.AfterFunc(tt.end, cancel).Stop()
				}
				notes, outcomes, err := runScript(ctx, tt.injections)
				time.Sleep(2 * time.Hour) // what was given up returns
				if tt.notes != nil && !slices.Equal(notes, tt.notes) {
					t.Errorf("went\n\t%s\nwant\n\t%s", strings.Join(notes, "\n\t"), strings.Join(tt.notes, "\n\t"))
				}
				if !slices.Equal(outcomes, tt.outcomes) {
					t.Errorf("outcomes %q, want %q", outcomes, tt.outcomes)
				}
				if fmt.Sprint(err) != tt.err && (err != nil || tt.err != "") {
					t.Errorf("error %v, want %s", err, tt.err)
				}
			})
		})
	}
}

// runScript runs scripted faults and returns the calls with their times.
func runScript(ctx context.Context, injections []harness.Injection) (notes, outcomes []string, err error) {
	start := time.Now()
	var mu sync.Mutex // a fault that was given up notes on
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		notes = append(notes, fmt.Sprintf("%v ", time.Since(start))+fmt.Sprintf(format, args...))
	}
	for _, i := range injections {
		i.Fault.(*scripted).note = note
	}
	r := Runner{
		Env: &harness.Env{}, Injections: injections, Session: 6 * time.Second,
		Now:      func() time.Duration { return time.Since(start) },
		Before:   func(i int) { note("before %d", i) },
		Injected: func(i int, hit harness.Target, at time.Duration) { note("injected %d %s at %v", i, hit.Name, at) },
		Healed:   func(i int, at time.Duration) { note("healed %d at %v", i, at) },
	}
	all, err := r.Run(ctx)
	for i, o := range all {
		if o.Injection.Fault != injections[i].Fault {
			note("outcome %d is of %s", i, o.Injection.Fault.Name())
		}
		outcomes = append(outcomes, fmt.Sprintf("%s %v %v %v", o.Target.Name, o.Injected, o.Healed, o.Verified))
	}
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(notes), outcomes, err
}
