package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/pod"
	"golang.org/x/sys/unix"
)

// Plan is one run to be made.
type Plan struct {
	Scenario harness.Scenario // Scenario with overrides and defaults in place, see [Overrides.Apply].
	Consumer harness.Choice
	Backend  harness.Backend
	Repeat   int // Repeat counts from 1; load and fault choices depend on it and on Seed alone.
	Seed     uint64
	// KeepIn is the folder to keep the ledger of a run in that did not come out as
	// it should, or with KeepAll of any run. "": none is kept.
	KeepIn  string
	KeepAll bool
	Command string // Command repeats the run, for those who find its ledger.
	// Progress is called a few times a second from one goroutine. May be nil.
	Progress func(Progress)
}

// Progress is where a run is.
type Progress struct {
	Phase    string // Phase is starting, forming, load, drain, stopping or judging.
	Sent     int64
	Finished int64
	Backlog  int64
	Rate     float64       // Rate of first effects a second, of late.
	Elapsed  time.Duration // Elapsed since the start of the load, or of the run before it.
}

// Outcome is a run and what of it can be merged with others.
type Outcome struct {
	Run       harness.Run
	Latencies *measure.Latencies
	// Stages are what the run spent its time on, from the first record sent to
	// the last one judged, in order.
	Stages []Stage
}

// Stage is a part of a run and the time it took.
type Stage struct {
	Name string
	Took time.Duration
	CPU  time.Duration // CPU time of this process, embedded brokers included, and none of the pods'
}

// CPU is the CPU time that this process has used so far.
func CPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// formWithin is how long the pods may take to own all partitions.
const formWithin = 30 * time.Second

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
	observed *ledger.Journal

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
	final     [][]int64 // last commits, by topic and partition

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

// prepare brings up all that must be there before the pods.
func (r *run) prepare(ctx context.Context) error {
	var err error
	if r.scratch, err = newScratch(); err != nil {
		return err
	}
	if r.cfg, err = config(&r.Scenario, r.Consumer, r.Seed); err != nil {
		return err
	}
	r.cluster, err = r.Backend.Start(ctx, harness.ClusterSpec{Session: r.cfg.Session, Heartbeat: r.cfg.Heartbeat, Dir: r.scratch.dir})
	if err != nil {
		return fmt.Errorf("start broker %s: %w", r.Backend.Name(), err)
	}
	if err := r.able(); err != nil {
		return err
	}
	r.cfg.Seeds = r.cluster.Seeds()
	if d, ok := r.cluster.(harness.Dialing); ok {
		r.cfg.Dialer = d.Dial
	}
	r.nameTopics(fmt.Sprintf("stampede-%016x", r.id))
	if r.client, err = observe.NewClient(r.cfg.Seeds, r.cfg.Dialer, r.cfg.Topic, r.cfg.Group); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := r.createTopics(within); err != nil {
		return err
	}
	if r.Consumer.Implementation.Share {
		if err := r.client.ConfigureShareGroup(within, r.cluster, r.cfg.Lock, r.cfg.Deliveries); err != nil {
			return err
		}
	}
	if r.sends, err = ledger.NewWriter(r.path("sends")); err != nil {
		return err
	}
	if r.observed, err = ledger.Create(r.path("observed")); err != nil {
		return err
	}
	if err := r.newFleet(); err != nil {
		return err
	}
	r.watcher, err = observe.Watch(within, observe.Config{
		Cluster: r.cluster, Client: r.client, Topics: r.topics, Protocol: r.cfg.Protocol, Share: r.Consumer.Implementation.Share,
		Clock: r.clock, Journal: r.observed, OwnerOf: r.ownerOf, MaxGap: r.cfg.Session, Look: pace(r.Backend, 20*time.Millisecond),
	})
	if err != nil {
		return err
	}
	return r.newProducer(within)
}

func (r *run) path(journal string) string { return filepath.Join(r.scratch.dir, journal+journalExt) }

const journalExt = ".journal"

func (r *run) newFleet() (err error) {
	r.fleet, err = newFleet(pod.Options{
		Implementation: r.Consumer.Implementation.Name, Config: r.cfg, Service: r.Scenario.Service.String(), Failures: r.Scenario.Failures, Topics: r.topicNames(),
		Seed: r.Seed, Repeat: r.Repeat, Run: r.id, Pods: r.Scenario.Pods, Spare: r.Scenario.Spare, Dir: r.scratch.dir, Clock: r.clock,
		Exited: func(in pod.Incarnation) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.exits = append(r.exits, in)
		},
	})
	if err != nil {
		return err
	}
	r.live = newLive(r.fleet, r.clock, r.Scenario.Partitions)
	return nil
}

// The streams of random numbers of a run: all consumers of a repeat draw the same.
const (
	loadStream = iota + 1
	faultStream
)

func (r *run) newProducer(ctx context.Context) (err error) {
	r.producer, err = load.NewProducer(load.ProducerConfig{
		Seeds: r.cfg.Seeds, Dialer: r.cfg.Dialer, Linger: Linger(r.Backend), Topic: r.cfg.Topic, Partitions: r.Scenario.Partitions, Load: r.Scenario.Load,
		Run: r.id, Seed: rand.New(rand.NewPCG(r.Seed, uint64(r.Repeat)<<8|loadStream)).Uint64(), Clock: r.clock, Journal: r.sends,
	})
	if err != nil {
		return err
	}
	if err := r.producer.Prepare(ctx); err != nil {
		return fmt.Errorf("prepare the producer: %w", err)
	}
	return nil
}

// ownerOf is the incarnation that calls itself client.
func (r *run) ownerOf(client string) ledger.Owner {
	if owner, ok := r.owners.Load(client); ok {
		return owner.(ledger.Owner)
	}
	for _, in := range r.fleet.Incarnations() {
		if harness.ClientID(in.Pod, in.N) == client {
			r.owners.Store(client, in.Owner)
			return in.Owner
		}
	}
	return 0
}

// form starts the pods and waits until they share the partitions.
func (r *run) form(ctx context.Context) error {
	if err := r.fleet.Start(ctx); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, formWithin)
	defer cancel()
	var lastChange int
	since := time.Now()
	for within.Err() == nil {
		if err := r.exited(); err != nil {
			return err
		}
		changes := r.watcher.Changes()
		if _, whole := r.joined(); !whole || changes != lastChange {
			since, lastChange = time.Now(), changes
		}
		if time.Since(since) > r.cfg.Heartbeat/2 { // it has come to rest
			r.formed = changes
			return nil
		}
		r.tick(within, "forming", every, nil)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	joined, _ := r.joined()
	r.doubt(groupFormed, fmt.Sprintf("%d of %d pods own partitions, or are in the share group, after %v", joined, min(r.Scenario.Pods, r.Scenario.Partitions), formWithin))
	r.start = r.clock.Now()
	return nil
}

// joined is how many pods share the work, and whether the group is whole: they
// own all partitions between them, or are enough members of a share group, in which
// nobody owns any.
func (r *run) joined() (pods int, whole bool) {
	want := min(r.Scenario.Pods, r.Scenario.Partitions)
	if r.Consumer.Implementation.Share {
		pods = r.watcher.Members()
		return pods, pods >= want
	}
	pods, whole = sharing(r.watcher.Owners())
	return pods, whole && pods >= want
}

// sharing is how many pods own partitions, and whether all partitions are owned.
func sharing(owners []string) (pods int, whole bool) {
	distinct := map[string]bool{}
	whole = true
	for _, o := range owners {
		if o == "" {
			whole = false
			continue
		}
		distinct[o] = true
	}
	return len(distinct), whole
}

// exited is the error of a pod that ended by itself, before the group had formed.
func (r *run) exited() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.exits) == 0 {
		return nil
	}
	in := r.exits[0]
	return fmt.Errorf("pod %s ended by itself before the group had formed (%s); it said:\n%s", in.Pod, in.Exit, in.Stderr)
}

// podFault is the error of a pod that could not keep its journal: no fault of
// the consumer's, and nothing to be judged.
func (r *run) podFault() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.exits {
		if in.Exit == pod.ExitFault {
			return fmt.Errorf("pod %s could not go on: %s", in.Pod, tail(in.Stderr))
		}
	}
	return nil
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
