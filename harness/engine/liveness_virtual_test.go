//go:build synctests

package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// quitter is an honest consumer. One pod of it returns an error after a while.
type quitter struct{ honest harness.Consumer }

func (q quitter) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	if cfg.Pod != "pod-2" {
		return q.honest.Consume(ctx, cfg, w)
	}
	working, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := q.honest.Consume(working, cfg, w); err != nil {
		return err
	}
	time.Sleep(time.Second) // it has left its group, and closes what else it has
	return errors.New("this pod has had enough")
}

var _ = harness.Register(harness.Implementation{
	Name: "quits", Mutant: true, Delivery: harness.AtLeastOnce, Order: harness.OrderKey,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers },
	New: func(cfg harness.Config) (harness.Consumer, error) {
		keyed, err := harness.FindImplementation("keyed")
		if err != nil {
			return nil, err
		}
		honest, err := keyed.New(cfg)
		return quitter{honest}, err
	},
})

// Virtual time never lacks CPU. A pod that keeps its own heartbeats back fails there, and
// breaks no assumption.
func TestExpulsionThatNothingCausedIsTheConsumersFault(t *testing.T) {
	r, err := bench.RunVirtual(t, calm(func(*harness.Scenario) {}), "test-hoarse", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != harness.Fail || !strings.Contains(r.Reasons[0], "pod-2.1 was expelled from the group") || r.Verdicts[0].Status != harness.Fail {
		t.Errorf("%s: %v, want a pod that was expelled", r.Status, r.Reasons)
	}
	for _, a := range r.Assumptions {
		if !a.Held {
			t.Errorf("%s is broken: %s", a.Name, a.Detail)
		}
	}
}

// A pod that ends by itself leaves its group first. Its leave is no expulsion.
func TestLeaveOfAPodThatEndsByItselfIsNoExpulsion(t *testing.T) {
	for _, p := range harness.Protocols {
		t.Run(string(p), func(t *testing.T) {
			r, err := bench.RunVirtual(t, calm(func(*harness.Scenario) {}), "quits@"+string(p), 1)
			if err != nil {
				t.Fatal(err)
			}
			if r.Status != harness.Fail || !strings.HasPrefix(r.Reasons[0], oracle.CheckPodLiveness+": ") {
				t.Errorf("%s: %v, want a pod that ended by itself", r.Status, r.Reasons)
			}
			if first := r.Reasons[0]; !strings.HasSuffix(first, ": 1: pod-2.1 ended by itself: consumer quits: this pod has had enough (exit status 4)") {
				t.Errorf("the reason is %q, without the cause", first)
			}
			for _, a := range r.Assumptions {
				if !a.Held {
					t.Errorf("%s is broken: %s", a.Name, a.Detail)
				}
			}
		})
	}
}
