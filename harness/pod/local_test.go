package pod_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/pod"
)

// consumerFunc is a consumer made of a function.
type consumerFunc func(context.Context, harness.Config, harness.Work) error

func (l consumerFunc) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	return l(ctx, cfg, w)
}

// currentConsumer is the consumer of the running test.
var currentConsumer atomic.Pointer[consumerFunc]

var _ = harness.Register(harness.Implementation{
	Name: "test-func", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true,
	New: func(harness.Config) (harness.Consumer, error) { return *currentConsumer.Load(), nil },
})

// local starts a fleet of test consumers whose work takes a second.
func local(t *testing.T, pods int, l consumerFunc, change func(*pod.Options)) *pod.Local {
	t.Helper()
	currentConsumer.Store(&l)
	o := pod.Options{
		Implementation: "test-func", Service: "1s", Run: testRun, Pods: pods, Dir: t.TempDir(), Clock: ledger.NewVirtualClock(),
		Config: harness.Config{Topic: "source", RevokeTimeout: 3 * time.Second, Dialer: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }},
	}
	if change != nil {
		change(&o)
	}
	f, err := pod.NewLocal(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

// busy works on one record after the other until ctx ends.
func busy(ctx context.Context, _ harness.Config, w harness.Work) error {
	for n := int64(0); ctx.Err() == nil; n++ {
		if w.Do(context.WithoutCancel(ctx), numbered(n)) != nil {
			return nil
		}
	}
	return nil
}

func numbered(n int64) *harness.Record {
	r := &harness.Record{Topic: "source", Offset: n, Value: make([]byte, ledger.IdentitySize)}
	ledger.Identity{Run: testRun, Key: 1, Seq: uint32(n)}.Encode(r.Value)
	return r
}

// outcomes are those in the journal of an incarnation.
func outcomes(t *testing.T, f *pod.Local, n int) (all []ledger.Outcome) {
	t.Helper()
	attempts(t, f.Incarnations()[n].Journal, func(s *ledger.Slot) { all = append(all, s.Outcome()) })
	return all
}

func kill(t *testing.T, f *pod.Local) {
	t.Helper()
	if err := f.Kill(); err != nil {
		t.Error(err)
	}
}

const (
	effect = ledger.OutcomeEffect
	open   = ledger.OutcomeOpen
)

func TestLocalKillStopsWorkBeforeItsEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := local(t, 2, busy, nil)
		defer kill(t, f)
		started := f.Incarnations()[0].Up
		time.Sleep(2500 * time.Millisecond)
		one := f.Pods()[0]
		if err := one.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		in := f.Incarnations()[0]
		if in.Down-started != int64(2500*time.Millisecond) || !in.Intended || in.Exit != "signal: killed" {
			t.Errorf("down %v after its start, asked %v, %q", time.Duration(in.Down-started), in.Intended, in.Exit)
		}
		if err := one.Kill(t.Context()); err == nil {
			t.Error("a dead pod was killed")
		}
		if err := one.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1600 * time.Millisecond)
		if got, want := outcomes(t, f, 0), []ledger.Outcome{effect, effect, open}; !slices.Equal(got, want) {
			t.Errorf("the dead one has %v, want %v", got, want)
		}
		if got := len(outcomes(t, f, 1)); got != 5 {
			t.Errorf("the other one began %d attempts, want 5", got)
		}
		if got, want := outcomes(t, f, 2), []ledger.Outcome{effect, open}; !slices.Equal(got, want) || f.Incarnations()[2].N != 2 {
			t.Errorf("the next one has %v, want %v", got, want)
		}
	})
}

func TestLocalNamesAConsumerThatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		f := local(t, 2, func(ctx context.Context, cfg harness.Config, _ harness.Work) error {
			<-ctx.Done()
			if cfg.Pod == "pod-2" {
				standsIn(free)
			}
			return nil
		}, nil)
		err := f.Kill()
		if err == nil || !strings.Contains(err.Error(), "pod-2.1") {
			t.Fatalf("kill: %v, want the name of the pod whose consumer is still there", err)
		}
		if where := err.Error(); strings.Count(where, "1 of its goroutines") != 2 || strings.Count(where, "standsIn") != 2 || !strings.Contains(where, "local_test.go:") {
			t.Errorf("kill: %v, want where the two goroutines of that pod are, and no other", err)
		}
		close(free)
		kill(t, f)
	})
}

// standsIn waits in two goroutines.
func standsIn(free <-chan struct{}) {
	var other sync.WaitGroup
	other.Go(func() { <-free })
	<-free
	other.Wait()
}

func TestLocalPauseHoldsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := local(t, 1, busy, nil)
		defer kill(t, f)
		one := f.Pods()[0].(interface {
			harness.Pod
			harness.Pauser
			harness.Prober
		})
		time.Sleep(1500 * time.Millisecond)
		if err := one.Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if !one.Paused() || !one.Running() {
			t.Errorf("paused %v, running %v", one.Paused(), one.Running())
		}
		if got, want := outcomes(t, f, 0), []ledger.Outcome{effect, open}; !slices.Equal(got, want) {
			t.Errorf("paused it has %v, want %v", got, want)
		}
		if err := one.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := outcomes(t, f, 0), []ledger.Outcome{effect, effect, open}; !slices.Equal(got, want) {
			t.Errorf("resumed it has %v, want %v", got, want)
		}
		var last ledger.Slot
		attempts(t, f.Incarnations()[0].Journal, func(s *ledger.Slot) {
			if s.Outcome() == effect {
				last = *s
			}
		})
		if took := time.Duration(last.End() - last.Start()); took != time.Minute+500*time.Millisecond {
			t.Errorf("the attempt that was held took %v", took)
		}
	})
}

func TestLocalSparePodsWaitForTheirStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := local(t, 1, busy, func(o *pod.Options) { o.Spare = 1 })
		defer kill(t, f)
		if n := len(f.Incarnations()); n != 1 {
			t.Errorf("%d pods were started", n)
		}
		spare := f.Pods()[1]
		if spare.(harness.Prober).Running() {
			t.Error("the spare pod runs")
		}
		if err := spare.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !spare.(harness.Prober).Running() || len(f.Usage()) != 2 {
			t.Errorf("running %v, usage %+v", spare.(harness.Prober).Running(), f.Usage())
		}
	})
}

func TestLocalStopNamesUnresponsivePods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := local(t, 2, func(ctx context.Context, cfg harness.Config, _ harness.Work) error {
			<-ctx.Done()
			if cfg.Pod == "pod-2" {
				time.Sleep(time.Minute)
			}
			return nil
		}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		killed, err := f.Stop(ctx)
		if err != nil || !slices.Equal(killed, []string{"pod-2"}) {
			t.Errorf("killed %v, %v", killed, err)
		}
		if err := f.Pods()[0].Start(t.Context()); err == nil {
			t.Error("a pod of a fleet that has ended was started")
		}
	})
}

func TestLocalLeavesNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			f := local(t, 3, busy, nil)
			time.Sleep(time.Second)
			kill(t, f)
		})
	}
	eventually(t, patient(t), "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= before })
}
