package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	_ "github.com/stampede-bench/stampede/consumers"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	_ "github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/oracle"
)

func TestMain(m *testing.M) { bench.Main(m) }

// Consumers whose pods end by themselves.
var (
	_ = harness.Register(harness.Implementation{
		Name: "test-returns", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true,
		New: func(harness.Config) (harness.Consumer, error) { return consume(returns), nil },
	})
	_ = harness.Register(harness.Implementation{
		Name: "test-panics", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true,
		Parallelism: func(cfg harness.Config) int { return cfg.Workers },
		New: func(cfg harness.Config) (harness.Consumer, error) {
			keyed, err := harness.FindImplementation("keyed")
			if err != nil {
				return nil, err
			}
			inner, err := keyed.New(cfg)
			return &panics{inner}, err
		},
	})
)

type consume func(context.Context, harness.Config, harness.Work) error

func (c consume) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	return c(ctx, cfg, w)
}

func returns(context.Context, harness.Config, harness.Work) error {
	return errors.New("no such cluster")
}

// panics lets pod-2 die at its 20th record.
type panics struct{ inner harness.Consumer }

func (p *panics) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	if cfg.Pod != "pod-2" {
		return p.inner.Consume(ctx, cfg, w)
	}
	return p.inner.Consume(ctx, cfg, &fuse{Work: w, left: make(chan struct{}, 20)})
}

type fuse struct {
	harness.Work
	left chan struct{}
}

func (f *fuse) Do(ctx context.Context, r *harness.Record) error {
	select {
	case f.left <- struct{}{}:
		return f.Work.Do(ctx, r)
	default:
		panic("record 21")
	}
}

func small() harness.Scenario {
	return harness.Scenario{
		Name: "small", Load: harness.Load{Pacer: load.Constant{Rate: 200, For: 2 * time.Second}, Keys: load.Uniform{N: 40}},
		Service: load.Fixed(5 * time.Millisecond), Partitions: 4, Pods: 2, Workers: 8,
		Commit: 300 * time.Millisecond, Session: 3 * time.Second, Drain: 10 * time.Second,
		Conditions: harness.Conditions{Lateness: time.Second},
	}
}

func plan(t *testing.T, consumer string, change func(*harness.Scenario)) engine.Plan {
	t.Helper()
	s := small()
	if change != nil {
		change(&s)
	}
	s, err := engine.Overrides{}.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	choices, err := harness.ParseSelection(consumer)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := harness.FindBackend("embedded")
	if err != nil {
		t.Fatal(err)
	}
	return engine.Plan{Scenario: s, Consumer: choices[0], Backend: backend, Repeat: 1, Seed: 1}
}

// leavesNoFolder checks at the end of the test that no scratch folder is left. The test gets a
// temporary folder of its own, since tests in virtual time run meanwhile.
func leavesNoFolder(t *testing.T) {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Cleanup(func() {
		if left, err := filepath.Glob(filepath.Join(temp, "stampede-run-*")); err != nil || len(left) > 0 {
			t.Errorf("the run left its folder behind: %q, %v", left, err)
		}
	})
}

func TestRunOverEachProtocol(t *testing.T) {
	lock.Machine(t)
	for _, protocol := range harness.Protocols {
		t.Run(string(protocol), func(t *testing.T) {
			leavesNoFolder(t)
			o, err := engine.Run(t.Context(), plan(t, "keyed@"+string(protocol), nil))
			if err != nil {
				t.Fatal(err)
			}
			r := o.Run
			if r.Status != harness.Pass || !r.Expected {
				t.Errorf("%s: %v", r.Status, r.Reasons)
			}
			if c := r.Counts; c.Sent != 400 || c.Acked != 400 || c.Appended != 400 || c.Completed != 400 || c.Unknown != 0 {
				t.Errorf("counts: %+v, want 400 of each", c)
			}
			if n := o.Latencies.Set("steady").EndToEnd.N; n != 400 {
				t.Errorf("%d latencies, want 400", n)
			}
			if s := r.Stages; s == nil || s.Parts[0].Latency.N != 400 || s.Unfetched > 0 {
				t.Errorf("the stages of the latency are %+v, want 400 records with a poll", s)
			}
			var parts []string
			for _, p := range r.Parts {
				parts = append(parts, p.Name)
			}
			if want := []string{"prepare", "form", "load", "drain", "stop", "final read", "seal", "replay"}; !slices.Equal(parts, want) {
				t.Errorf("the parts of the run are %q, want %q", parts, want)
			}
			if r.Host.CPUs == 0 {
				t.Error("the host was not measured while the load was sent")
			}
		})
	}
}

// kfake acknowledges produce requests and drops their records.
func TestBrokerIsBlamedForRecordsItDropped(t *testing.T) {
	lock.Machine(t)
	p := plan(t, "keyed", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: ackAndDrop{}, At: time.Second}}
	})
	o, err := engine.Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range o.Run.Verdicts {
		want := harness.Pass
		if v.Check == oracle.CheckLostByBroker {
			want = harness.Fail
		}
		if v.Status != want && v.Status != harness.NotJudged {
			t.Errorf("%s: %s, %d: %v, want %s", v.Check, v.Status, v.Count, v.Detail, want)
		}
	}
	if o.Run.Counts.BrokerLost == 0 || o.Run.Counts.Lost != 0 {
		t.Errorf("counts: %+v, want some lost by the broker and none by the consumer", o.Run.Counts)
	}
}

type ackAndDrop struct{}

func (ackAndDrop) Name() string { return "ack and drop" }

// Inject acknowledges the next ten produce requests and appends none of their records.
func (ackAndDrop) Inject(_ context.Context, env *harness.Env) (func(context.Context) error, error) {
	c := env.Cluster.(interface{ Kfake() *kfake.Cluster }).Kfake()
	left := 10
	c.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		req := kreq.(*kmsg.ProduceRequest)
		if left == 0 {
			return nil, nil, false
		}
		left--
		c.KeepControl()
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.BaseOffset = p.Partition, 1<<40
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	env.Target = harness.Target{Name: "produce requests"}
	return nil, nil
}

func (ackAndDrop) Verify(context.Context, *harness.Env) error { return nil }

func TestInterruptedRunIsReported(t *testing.T) {
	lock.Machine(t)
	leavesNoFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := plan(t, "keyed", func(s *harness.Scenario) { s.Load.Pacer = load.Constant{Rate: 200, For: time.Minute} })
	p.Progress = func(now engine.Progress) {
		if now.Completed > 100 {
			cancel()
		}
	}
	o, err := engine.Run(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if o.Run.Status != harness.Inconclusive || !strings.Contains(strings.Join(o.Run.Reasons, " "), "interrupted") {
		t.Errorf("%s: %v, want inconclusive by the interruption", o.Run.Status, o.Run.Reasons)
	}
	if c := o.Run.Counts; c.Completed <= 100 || c.Sent == 12000 {
		t.Errorf("counts: %+v, want what was measured so far", c)
	}
}

func TestRunInterruptedBeforeItsLoadIsAnError(t *testing.T) {
	lock.Machine(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := plan(t, "keyed", nil)
	p.Progress = func(now engine.Progress) {
		if now.Phase == "forming" {
			cancel()
		}
	}
	if _, err := engine.Run(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestPodThatReturnsAtOnceIsAnError(t *testing.T) {
	lock.Machine(t)
	leavesNoFolder(t)
	_, err := engine.Run(t.Context(), plan(t, "test-returns", nil))
	if err == nil || !strings.Contains(err.Error(), "no such cluster") {
		t.Errorf("error %v, want what the pod said", err)
	}
}

func TestPodThatDiesDuringTheLoadFailsTheRun(t *testing.T) {
	lock.Machine(t)
	o, err := engine.Run(t.Context(), plan(t, "test-panics", nil))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(o.Run.Verdicts, func(v harness.Verdict) bool { return v.Check == oracle.CheckPodLiveness })
	v := o.Run.Verdicts[i]
	if o.Run.Status != harness.Fail || v.Status != harness.Fail || len(v.Examples) != 1 || !strings.Contains(v.Examples[0].Text, "record 21") {
		t.Errorf("%s; pod liveness: %+v, want a failure with the pod's last words", o.Run.Status, v)
	}
	if o.Run.Counts.Completed != 400 || o.Run.Counts.Lost != 0 {
		t.Errorf("counts: %+v, want the other pod to have finished it all", o.Run.Counts)
	}
}

// The folder of a run whose harness was killed has a lock file without a lock.
func TestSweepRemovesOnlyFoldersOfKilledRuns(t *testing.T) {
	lock.Machine(t)
	dead := filepath.Join(os.TempDir(), "stampede-run-dead")
	if err := os.MkdirAll(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dead) })
	if err := os.WriteFile(filepath.Join(dead, "lock"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	p := plan(t, "keyed", nil)
	p.Progress = func(now engine.Progress) {
		if now.Phase == "load" {
			engine.Sweep()
		}
	}
	o, err := engine.Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if o.Run.Status != harness.Pass {
		t.Errorf("%s: %v: the sweep removed the folder of a running run", o.Run.Status, o.Run.Reasons)
	}
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead run's folder is still there: %v", err)
	}
}

func TestLateProducerMakesTheRunInconclusive(t *testing.T) {
	lock.Machine(t)
	o, err := engine.Run(t.Context(), plan(t, "keyed", func(s *harness.Scenario) { s.Conditions.Lateness = time.Nanosecond }))
	if err != nil {
		t.Fatal(err)
	}
	if o.Run.Status != harness.Inconclusive || !strings.HasPrefix(o.Run.Reasons[0], oracle.LoadDelivered+": the producer was late") {
		t.Errorf("%s: %v, want inconclusive by the late producer", o.Run.Status, o.Run.Reasons)
	}
}

// refuses is a fault that cannot be injected.
type refuses struct{}

func (refuses) Name() string { return "refuses" }

func (refuses) Inject(context.Context, *harness.Env) (func(context.Context) error, error) {
	return nil, errors.New("not today")
}

func (refuses) Verify(context.Context, *harness.Env) error { return nil }

func TestFailedInjectionMakesTheRunInconclusive(t *testing.T) {
	lock.Machine(t)
	o, err := engine.Run(t.Context(), plan(t, "keyed", func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: refuses{}, At: time.Second}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if o.Run.Status != harness.Inconclusive || !strings.Contains(o.Run.Reasons[0], "not today") {
		t.Errorf("%s: %v, want inconclusive by the fault", o.Run.Status, o.Run.Reasons)
	}
}
