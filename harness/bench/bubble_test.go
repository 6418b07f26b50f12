//go:build synctests

package bench

import (
	"context"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// progressBroker is where the tests of the display run their comparison.
const progressBroker = "virtual"

// bubblePlan is a run of a day with a consumer that this file registers.
func bubblePlan(t *testing.T, consumer string) engine.Plan {
	t.Helper()
	s, err := engine.Overrides{}.Apply(harness.Scenario{
		Name: "day", Load: harness.Load{Pacer: load.Constant{Rate: 20, For: 24 * time.Hour}, Keys: load.Uniform{N: 10}},
		Service: load.Fixed(0), Partitions: 2, Pods: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	selections, err := harness.ParseSelection(consumer)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Plan{Scenario: s, Consumer: selections[0], Backend: virtual.Backend{}, Repeat: 1, Seed: 1}
}

// TestCtrlCReachesTheBubble ends a context outside of the bubble.
func TestCtrlCReachesTheBubble(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plan := bubblePlan(t, "baseline?records=1000000000")
	var once sync.Once
	plan.Progress = func(p engine.Progress) {
		if p.Phase == "load" && p.Elapsed > time.Minute {
			once.Do(cancel)
		}
	}
	o, err := runInBubble(ctx, t, plan)
	if err != nil {
		t.Fatal(err)
	}
	if o.Run.Status != harness.Inconclusive || !strings.Contains(strings.Join(o.Run.Reasons, " "), "interrupted") {
		t.Errorf("%s: %v, want inconclusive by the interruption", o.Run.Status, o.Run.Reasons)
	}
}

// asks sends requests without end.
func asks(ctx context.Context, cfg harness.Config, _ harness.Work) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Seeds...), kgo.Dialer(cfg.Dialer), kgo.ClientID(cfg.ClientID()))
	if err != nil {
		return err
	}
	defer client.Close()
	for ctx.Err() == nil {
		_, _ = kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
	}
	return nil
}

var (
	_ = harness.Register(harness.Implementation{
		Name: "asks", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true,
		New: func(harness.Config) (harness.Consumer, error) { return consume(asks), nil },
	})
	_ = harness.Register(harness.Implementation{
		Name: "never-waits", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true,
		New: func(harness.Config) (harness.Consumer, error) { return consume(neverWaits), nil },
	})
	enough atomic.Bool // enough ends neverWaits.
	hoard  [][]byte
)

// neverWaits uses CPU time and more and more memory: some 64 MiB a second, so that the watchdog sees
// it grow after its first check.
func neverWaits(context.Context, harness.Config, harness.Work) error {
	for n := 1; !enough.Load(); n++ {
		if n%(1<<22) == 0 && len(hoard) < 1<<10 {
			hoard = append(hoard, make([]byte, 1<<18))
		}
	}
	return nil
}

type consume func(context.Context, harness.Config, harness.Work) error

func (c consume) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	return c(ctx, cfg, w)
}

// checkError checks that an error has these words and names the run.
func checkError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range append(words, "day/", "seed 1 ") {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v, want %q in it", err, w)
		}
	}
}

func TestRunWithEndlessRequestsIsCutShort(t *testing.T) {
	wasStill := maxStandstill
	t.Cleanup(func() { maxStandstill = wasStill })
	maxStandstill = time.Hour // a slow machine needs more than a minute for so many requests
	o, err := runInBubble(t.Context(), t, bubblePlan(t, "asks"))
	if err != nil {
		t.Fatal(err)
	}
	r := &o.Run
	if r.Status != harness.Fail || len(r.Verdicts) != 1 || r.Verdicts[0].Check != oracle.CheckPodLiveness || !strings.Contains(r.Reasons[0], "pod-1.1 spins: 5000 Metadata requests") {
		t.Errorf("%s: %q", r.Status, r.Reasons)
	}
}

func TestRunThatDoesNotEndIsStopped(t *testing.T) {
	plan := bubblePlan(t, "baseline?records=1000000000")
	plan.Scenario.Load.Pacer = load.Constant{Rate: 1, For: time.Minute}
	plan.Progress = func(engine.Progress) { time.Sleep(1000 * time.Hour) }
	_, err := runInBubble(t.Context(), t, plan)
	checkError(t, err, "has not ended after", "its clock was stopped")
}

// A process that gets no processor needs minutes for what it does at one instant.
func TestClockOfABusyProcessIsNotStopped(t *testing.T) {
	for _, c := range []struct {
		what       string
		stood, cpu time.Duration
		waited     int
		want       bool
	}{
		{"a short time", maxStandstill / 2, maxStandstill, sureWaits, false},
		{"a process without a processor", 10 * maxStandstill, maxStandstill / 10, 0, false},
		{"a goroutine that never waits", maxStandstill, maxStandstill, 0, true},
		{"a file that is slow once", maxStandstill, 0, 1, false},
		{"a wait for something outside", maxStandstill, 0, sureWaits, true},
	} {
		if got := isStopped(c.stood, c.cpu, c.waited); got != c.want {
			t.Errorf("%s: stopped %v, want %v", c.what, got, c.want)
		}
	}
}

func TestNoRunFollowsOneThatNeverWaits(t *testing.T) {
	for name, limit := range map[string]func(){
		"by its time":   func() { maxStandstill = checkInterval },
		"by its memory": func() { maxGrowth = 1 << 25 },
	} {
		t.Run(name, func(t *testing.T) {
			wasStill, wasGrown := maxStandstill, maxGrowth
			t.Cleanup(func() {
				enough.Store(true)
				maxStandstill, maxGrowth, hoard = wasStill, wasGrown, nil
				spinningRun = atomic.Value{}
			})
			enough.Store(false)
			debug.FreeOSMemory() // growth into free memory of this process would not show
			limit()
			_, err := runInBubble(t.Context(), t, bubblePlan(t, "never-waits"))
			checkError(t, err, "the clock has stood still", "a goroutine never waits", "bench.neverWaits")
			_, err = runInBubble(t.Context(), t, bubblePlan(t, "asks"))
			checkError(t, err, "still spins", "never-waits")
		})
	}
}
