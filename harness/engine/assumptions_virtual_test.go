//go:build synctests

package engine_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// Each assumption has a run that breaks only it. If the run was not as planned, no check
// passes. Otherwise the checks that depend on the assumption do not pass.
func TestBrokenAssumptionLetsNoDependentCheckPass(t *testing.T) {
	const at = 5 * time.Second
	everything := []string(nil) // which the case does not name
	for _, tt := range []struct {
		name, breaks string
		consumer     string
		change       func(*harness.Scenario)
		spoil        func(*testing.T, *engine.Plan, context.CancelFunc)
		leaning      []string // checks, at least
	}{
		{name: "pods that never join", breaks: oracle.GroupFormed, consumer: "test-idle", leaning: everything},
		{
			name: "a late producer", breaks: oracle.LoadDelivered, leaning: everything,
			change: func(s *harness.Scenario) { s.Load.Pacer = stuck{s.Load.Pacer.(load.Constant)} },
		},
		{
			name: "a fault without effect", breaks: oracle.FaultTookEffect, leaning: everything,
			change: func(s *harness.Scenario) { s.Injections = []harness.Injection{{Fault: hollow{}, At: at}} },
		},
		{
			name: "a fault that cannot be healed", breaks: oracle.FaultTookEffect, leaning: everything,
			change: func(s *harness.Scenario) {
				s.Injections = []harness.Injection{{Fault: lasting{}, At: at, HealAfter: time.Second}}
			},
		},
		{
			name: "a fault on the wire that meets no frame", breaks: oracle.FaultTookEffect, leaning: everything,
			change: func(s *harness.Scenario) {
				s.Injections = []harness.Injection{{Fault: fault.DropResponses{Key: 99}, At: at, HealAfter: time.Second}}
			},
		},
		{
			name: "a pod killed without work in flight", breaks: oracle.WorkInFlight, leaning: everything,
			change: func(s *harness.Scenario) {
				s.Conditions.WorkInFlight = 10
				s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: at, HealAfter: 8 * time.Second}}
			},
		},
		{
			name: "a pod paused outside the schedule", breaks: oracle.NoPodStarved, leaning: []string{oracle.CheckKeyInversion, oracle.CheckOverlap, oracle.CheckUnexplainedDuplicate},
			change: func(s *harness.Scenario) { s.Injections = []harness.Injection{{Fault: secret{}, At: at}} },
		},
		{
			name: "a lost broker", breaks: oracle.NoBrokerLost,
			spoil: func(_ *testing.T, p *engine.Plan, _ context.CancelFunc) {
				p.Backend = spoilt{lost: func(since time.Duration) bool { return since > 10*time.Second }}
			},
		},
		{
			name: "a broker that takes long for commits", breaks: oracle.CommitsAnswered, leaning: []string{oracle.CheckStalledCommit},
			spoil: func(_ *testing.T, p *engine.Plan, _ context.CancelFunc) {
				p.Backend = spoilt{commitTakes: 9 * time.Second}
			},
		},
		{
			name: "an observer without access", breaks: oracle.ObserversKeptUp, leaning: []string{oracle.CheckPrematureCommit, oracle.CheckUnexplainedDuplicate},
			spoil: func(_ *testing.T, p *engine.Plan, _ context.CancelFunc) {
				p.Backend = spoilt{describe: func(since time.Duration) error {
					if since > 10*time.Second && since < 20*time.Second {
						return errors.New("out of sight")
					}
					return nil
				}}
			},
		},
		{
			name: "an interrupted run", breaks: oracle.DrainEnded, leaning: []string{oracle.CheckLoss, oracle.CheckStall},
			spoil: func(_ *testing.T, p *engine.Plan, cancel context.CancelFunc) {
				p.Progress = func(now engine.Progress) {
					if now.Completed > 1000 {
						cancel()
					}
				}
			},
		},
		{
			name: "only poison records", breaks: oracle.WorkDone, consumer: "test-once", leaning: everything,
			change: func(s *harness.Scenario) { s.Failures = harness.Failures{Poison: 1} },
		},
		{
			name: "a topic that cannot be read", breaks: oracle.LedgerComplete, leaning: []string{oracle.CheckLoss, oracle.CheckLostByBroker, oracle.CheckPhantom, oracle.CheckKeyInversion, oracle.CheckOverlap, oracle.CheckUnexplainedDuplicate},
			spoil: func(_ *testing.T, p *engine.Plan, _ context.CancelFunc) {
				var stopping atomic.Bool
				p.FinalRead = engine.FinalReadWhole // else nothing need be read
				p.Progress = func(now engine.Progress) { stopping.Store(now.Phase == "stopping") }
				p.Backend = spoilt{dial: func() error {
					if stopping.Load() {
						return errors.New("out of reach")
					}
					return nil
				}}
			},
		},
		{
			name: "a journal that was removed", breaks: oracle.LedgerComplete, leaning: []string{oracle.CheckLoss, oracle.CheckLostByBroker, oracle.CheckPhantom, oracle.CheckKeyInversion, oracle.CheckOverlap, oracle.CheckUnexplainedDuplicate},
			change: func(s *harness.Scenario) { s.Injections = []harness.Injection{{Fault: thief{}, At: at}} },
			spoil:  func(t *testing.T, _ *engine.Plan, _ context.CancelFunc) { t.Setenv("TMPDIR", t.TempDir()) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := calmPlan(t, tt.consumer, tt.change)
			r := inBubble(t, p, tt.spoil)
			if r.Status != harness.Inconclusive {
				t.Errorf("the run is %s: %v", r.Status, r.Reasons)
			}
			for _, a := range r.Assumptions {
				if a.Held == (a.Name == tt.breaks) {
					t.Errorf("%s: held: %v, %s", a.Name, a.Held, a.Detail)
				}
			}
			for _, v := range r.Verdicts {
				leans := slices.Contains(tt.leaning, v.Check) || tt.leaning == nil && v.Check != oracle.CheckPodLiveness && v.Status != harness.NotJudged && v.Status != harness.NotObserved
				if leans && v.Status != harness.Inconclusive {
					t.Errorf("%s is %s: %s", v.Check, v.Status, v.Detail)
				}
			}
		})
	}
}

func calmPlan(t *testing.T, consumer string, change func(*harness.Scenario)) engine.Plan {
	t.Helper()
	if change == nil {
		change = func(*harness.Scenario) {}
	}
	if consumer == "" {
		consumer = "keyed"
	}
	s, err := engine.Overrides{}.Apply(calm(change))
	if err != nil {
		t.Fatal(err)
	}
	choices, err := harness.ParseSelection(consumer)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Plan{Scenario: s, Consumer: choices[0], Backend: virtual.Backend{}, Repeat: 1, Seed: 1}
}

// inBubble makes a run in virtual time. spoil may change its plan or interrupt it.
func inBubble(t *testing.T, p engine.Plan, spoil func(*testing.T, *engine.Plan, context.CancelFunc)) *harness.Run {
	t.Helper()
	return &outcomeInBubble(t, p, spoil).Run
}

// outcomeInBubble is as inBubble, with what the run found in addition to its result.
func outcomeInBubble(t *testing.T, p engine.Plan, spoil func(*testing.T, *engine.Plan, context.CancelFunc)) (outcome *engine.Outcome) {
	t.Helper()
	var err error
	synctest.Test(t, func(*testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if spoil != nil {
			spoil(t, &p, cancel)
		}
		outcome, err = engine.Run(ctx, p)
		time.Sleep(time.Minute) // what the run has closed finds out
	})
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// stuck is a schedule that blocks once for three seconds.
type stuck struct{ load.Constant }

func (s stuck) At(n uint64) (time.Duration, bool) {
	if n == 500 {
		time.Sleep(3 * time.Second)
	}
	return s.Constant.At(n)
}

// hollow is a fault without effect.
type hollow struct{}

func (hollow) Name() string { return "hollow" }

func (hollow) Inject(context.Context, *harness.Env) (func(context.Context) error, error) {
	return nil, nil
}

// lasting cannot be healed.
type lasting struct{ secret }

func (lasting) Inject(context.Context, *harness.Env) (func(context.Context) error, error) {
	return func(context.Context) error { return errors.New("it lasts") }, nil
}

func (hollow) Verify(context.Context, *harness.Env) error { return errors.New("all is as before") }

// secret pauses a pod for longer than its session, and names no target.
type secret struct{}

func (secret) Name() string { return "secret" }

func (secret) Inject(ctx context.Context, env *harness.Env) (func(context.Context) error, error) {
	p := env.Pods[1].(harness.Pauser)
	time.AfterFunc(10*time.Second, func() { p.Resume(context.Background()) })
	return nil, p.Pause(ctx)
}

func (secret) Verify(context.Context, *harness.Env) error { return nil }

// thief removes the journal of a running pod.
type thief struct{}

func (thief) Name() string { return "thief" }

func (thief) Inject(context.Context, *harness.Env) (func(context.Context) error, error) {
	journals, err := filepath.Glob(filepath.Join(os.TempDir(), "stampede-run-*", "pod-1.1.journal"))
	if err != nil || len(journals) != 1 {
		return nil, errors.Join(err, errors.New("no journal"))
	}
	return nil, os.Remove(journals[0])
}

func (thief) Verify(context.Context, *harness.Env) error { return nil }

// spoilt is the virtual back end with errors. Times count from its start.
type spoilt struct {
	virtual.Backend
	describe func(since time.Duration) error
	dial     func() error
	lost     func(since time.Duration) bool // whether a node is lost

	commitTakes time.Duration // commitTakes is how much earlier the broker is said to have got each request.
}

func (s spoilt) Start(ctx context.Context, spec harness.ClusterSpec) (harness.Cluster, error) {
	c, err := s.Backend.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &spoiltCluster{c.(*virtual.Cluster), s, time.Now()}, nil
}

type spoiltCluster struct {
	*virtual.Cluster
	spoilt  spoilt
	started time.Time
}

func (c *spoiltCluster) DescribeGroups(ctx context.Context, prefix string) ([]harness.Group, error) {
	if c.spoilt.describe != nil {
		if err := c.spoilt.describe(time.Since(c.started)); err != nil {
			return nil, err
		}
	}
	return c.Cluster.DescribeGroups(ctx, prefix)
}

// ObserveGroups implements [harness.GroupObserver].
func (c *spoiltCluster) ObserveGroups(prefix string, see harness.GroupEvents) (stop func(), err error) {
	tell := see.Exchange
	see.Exchange = func(x harness.Exchange) {
		x.Got -= int64(c.spoilt.commitTakes)
		tell(x)
	}
	return c.Cluster.ObserveGroups(prefix, see)
}

// CheckNodes implements [harness.NodeChecker].
func (c *spoiltCluster) CheckNodes(context.Context) error {
	if c.spoilt.lost != nil && c.spoilt.lost(time.Since(c.started)) {
		return errors.New("node 2 was paused from outside Stampede")
	}
	return nil
}

func (c *spoiltCluster) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if c.spoilt.dial != nil {
		if err := c.spoilt.dial(); err != nil {
			return nil, err
		}
	}
	return c.Cluster.Dial(ctx, network, addr)
}

var (
	_ = harness.Register(harness.Implementation{
		Name: "test-idle", Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Mutant: true,
		New: func(harness.Config) (harness.Consumer, error) {
			return consume(func(ctx context.Context, _ harness.Config, _ harness.Work) error { <-ctx.Done(); return nil }), nil
		},
	})
	_ = harness.Register(harness.Implementation{
		Name: "test-once", Delivery: harness.AtMostOnce, Order: harness.OrderKey, Mutant: true, Parallelism: func(cfg harness.Config) int { return cfg.Workers },
		New: func(cfg harness.Config) (harness.Consumer, error) {
			keyed, err := harness.FindImplementation("keyed")
			if err != nil {
				return nil, err
			}
			inner, err := keyed.New(cfg)
			return consume(func(ctx context.Context, cfg harness.Config, w harness.Work) error {
				return inner.Consume(ctx, cfg, once{w})
			}), err
		},
	})
	_ = harness.Register(harness.Implementation{
		Name: "test-hoarse", Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Mutant: true,
		Parallelism: func(cfg harness.Config) int { return cfg.Workers },
		New: func(cfg harness.Config) (harness.Consumer, error) {
			keyed, err := harness.FindImplementation("keyed")
			if err != nil {
				return nil, err
			}
			inner, err := keyed.New(cfg)
			return consume(func(ctx context.Context, cfg harness.Config, w harness.Work) error {
				if cfg.Pod == "pod-2" {
					cfg.Dialer = hoarse(cfg.Dialer)
				}
				return inner.Consume(ctx, cfg, w)
			}), err
		},
	})
)

// once is work that makes one attempt at a record and ignores its error.
type once struct{ harness.Work }

func (o once) Do(ctx context.Context, r *harness.Record) error {
	_ = o.Work.Do(ctx, r)
	return ctx.Err()
}

// hoarse dials connections that send no data for ten seconds, from ten seconds on. A pod
// without CPU time behaves like that.
func hoarse(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	from := time.Now().Add(10 * time.Second)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		return &hoarseConn{c, from}, err
	}
}

type hoarseConn struct {
	net.Conn
	from time.Time
}

func (c *hoarseConn) Write(b []byte) (int, error) {
	if since := time.Since(c.from); since > 0 && since < 10*time.Second {
		time.Sleep(10*time.Second - since)
	}
	return c.Conn.Write(b)
}
