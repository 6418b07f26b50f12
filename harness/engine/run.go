package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/pod"
)

// run is a run under way.
type run struct {
	Plan
	cfg     harness.Config
	id      uint64
	started time.Time
	scratch *scratch
	clock   ledger.Clock

	topics   []observe.Topic // the source, then the side topics
	cluster  harness.Cluster
	client   *observe.Client
	watcher  *observe.Watcher
	fleet    fleet
	producer *load.Producer
	live     *live
	sends    *ledger.Writer
	observed *ledger.Writer

	torn      int64 // slots of journals that their writers were killed in the midst of
	start     int64 // of the load, ns on CLOCK_MONOTONIC
	stages    []Stage
	mark      int64 // when the last stage ended, ns on CLOCK_MONOTONIC
	markCPU   time.Duration
	formed    int // changes of the group up to its forming, 0 if it never did
	rates     rateMeter
	host      *measure.Host
	hostLoad  harness.HostReport
	faults    *injections
	drainEnd  time.Duration
	stopAsked int64 // when the pods were told to stop, ns on CLOCK_MONOTONIC
	unstopped []string
	dropouts  []harness.Anomaly // pods that had left the group for good
	final     [][]int64         // last commits, by topic and partition

	owners sync.Map // the incarnations by client id, as far as they were asked for

	mu     sync.Mutex
	exits  []pod.Incarnation // pods that ended by themselves
	broken map[string]string // reasons of broken assumptions
}

// doubt breaks an assumption; the first reason stays.
func (r *run) doubt(assumption, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken[assumption] == "" {
		r.broken[assumption] = why
	}
}

// Run makes a run. When ctx ends in mid-run, the run ends early, cleanly, and is
// reported as far as it came; before its load there is nothing to report and
// the error of ctx is returned.
func Run(ctx context.Context, p Plan) (*Outcome, error) {
	if why := p.Consumer.Implementation.RealTime; why != "" && harness.IsVirtual(p.Backend) {
		return skipped(&p, "it cannot run in virtual time: "+why), nil
	}
	r := &run{Plan: p, started: time.Now(), clock: clock(p.Backend), broken: map[string]string{}}
	r.id = runID(&p, r.started)
	outcome, err := r.run(ctx)
	if lack := (lacking{}); errors.As(err, &lack) {
		return skipped(&p, lack.Error()), nil
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", label(&p), err)
	}
	return outcome, nil
}

// skipped is the outcome of a run that could say nothing.
func skipped(p *Plan, why string) *Outcome {
	return &Outcome{
		Run: harness.Run{
			Scenario: p.Scenario.Name, Consumer: p.Consumer.Name(), Repeat: p.Repeat, Seed: p.Seed,
			Started: time.Now(), Status: harness.Skipped, Reasons: []string{why}, Expected: true,
		},
		Latencies: &measure.Latencies{},
	}
}

// lacking is why a cluster cannot have a fault of the scenario.
type lacking struct{ error }

// able asks the faults that want to be asked whether the cluster can have them.
func (r *run) able() error {
	for _, i := range r.Scenario.Injections {
		if f, ok := i.Fault.(harness.Requirer); ok {
			if err := f.Requires(r.cluster); err != nil {
				return lacking{fmt.Errorf("%s: %w", i.Fault.Name(), err)}
			}
		}
	}
	return nil
}

// stage ends the stage called name.
func (r *run) stage(name string) {
	now, cpu := r.clock.Now(), CPU()
	r.stages = append(r.stages, Stage{name, time.Duration(now - r.mark), cpu - r.markCPU})
	r.mark, r.markCPU = now, cpu
}

// runID tells the records of one run from those of any other.
func runID(p *Plan, started time.Time) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d %d", label(p), started.UnixNano(), os.Getpid())
	return h.Sum64()
}

func (r *run) run(ctx context.Context) (outcome *Outcome, err error) {
	defer func() { err = errors.Join(err, r.close()) }()
	r.report("starting")
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	r.report("forming")
	if err := r.form(ctx); err != nil {
		return nil, err
	}
	if r.formed > 0 {
		if err := r.loadAndDrain(ctx); err != nil {
			return nil, err
		}
	}
	r.report("stopping")
	if err := r.stop(ctx); err != nil {
		return nil, err
	}
	if err := r.podFault(); err != nil {
		return nil, err
	}
	r.report("judging")
	return r.judge()
}

// close ends whatever is left of the run, on every path.
func (r *run) close() error {
	var errs []error
	if r.fleet != nil {
		errs = append(errs, r.fleet.Kill())
	}
	if r.live != nil {
		r.live.close()
	}
	if r.producer != nil {
		r.producer.Close()
	}
	if r.watcher != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r.watcher.Stop(ctx) // the second time where the run went well
	}
	if r.sends != nil {
		errs = append(errs, r.sends.Close())
	}
	if r.observed != nil {
		errs = append(errs, r.observed.Close())
	}
	if r.client != nil {
		r.client.Close()
	}
	if r.cluster != nil {
		errs = append(errs, r.cluster.Close())
	}
	if r.scratch != nil {
		errs = append(errs, r.scratch.close())
	}
	return errors.Join(errs...)
}
