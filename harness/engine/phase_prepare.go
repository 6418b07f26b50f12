package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/pod"
)

// setup is what the first phase brings up: all that a run needs before its pods start.
type setup struct {
	*run
	cfg      harness.Config
	scratch  *scratch
	topics   []observe.Topic // the source, then the side topics
	cluster  harness.Cluster
	client   *observe.Client
	sends    *ledger.Writer
	observed *ledger.Writer
	appended *ledger.Writer
	source   *observe.SourceReader
	fleet    fleet
	watcher  *observe.Watcher
	producer *load.Producer
	work     *workProgress

	logChanged atomic.Bool // logChanged: a fault has deleted or added a part of the source.
}

// prepareTimeout limits all requests of the first phase.
const prepareTimeout = 30 * time.Second

// prepareRun starts the cluster, creates the topics, and makes the observers, the pods
// and the producer.
func prepareRun(ctx context.Context, r *run) (*setup, error) {
	s := &setup{run: r}
	if err := s.startBroker(ctx); err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	for _, step := range []func(context.Context) error{s.createTopics, s.createJournals, s.makeFleet, s.watchGroup, s.makeProducer} {
		if err := step(within); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// startBroker starts the broker and connects a client to it.
func (s *setup) startBroker(ctx context.Context) (err error) {
	if s.scratch, err = newScratch(); err != nil {
		return err
	}
	s.closers.addCloser(s.scratch.removeScratch)
	if s.cfg, err = consumerConfig(&s.Scenario, s.Consumer, s.Seed); err != nil {
		return err
	}
	if err := s.checkFaultsFit(); err != nil {
		return err
	}
	s.cluster, err = s.Backend.Start(ctx, harness.ClusterSpec{
		Session: s.cfg.Session, Heartbeat: s.cfg.Heartbeat, Dir: s.scratch.dir,
		Tell: func(why string) { s.reporter.reportDelay("starting", why) },
	})
	if err != nil {
		return fmt.Errorf("start broker %s: %w", s.Backend.Name(), err)
	}
	s.closers.addCloser(s.cluster.Close)
	s.closers.addCloser(s.nodes.watchNodes(s.cluster))
	if err := s.checkFaultSupport(); err != nil {
		return err
	}
	s.cfg.Seeds = s.cluster.Seeds()
	if d, ok := s.cluster.(harness.Dialer); ok {
		s.cfg.Dialer = d.Dial
	}
	s.nameTopics(fmt.Sprintf("stampede-%016x", s.id))
	if s.client, err = observe.NewClient(s.cfg.Seeds, s.cfg.Dialer, s.cfg.Topic, s.cfg.Group); err != nil {
		return err
	}
	s.closers.addCloser(func() error { s.client.Close(); return nil })
	return nil
}

// unsupportedFault is why a cluster or a consumer cannot have a fault of the scenario.
type unsupportedFault struct{ error }

// checkFaultsFit asks each fault that waits for something whether the consumer ever does it.
func (s *setup) checkFaultsFit() error {
	for _, i := range s.Scenario.Injections {
		if f, ok := i.Fault.(harness.ConsumerRequirer); ok {
			if err := f.RequiresOf(s.Consumer.Implementation, s.cfg.Protocol); err != nil {
				return unsupportedFault{fmt.Errorf("%s: %w", i.Fault.Name(), err)}
			}
		}
	}
	return nil
}

// checkFaultSupport asks each fault that has requirements whether the cluster meets them.
func (s *setup) checkFaultSupport() error {
	for _, i := range s.Scenario.Injections {
		if f, ok := i.Fault.(harness.Requirer); ok {
			if err := f.Requires(s.cluster); err != nil {
				return unsupportedFault{fmt.Errorf("%s: %w", i.Fault.Name(), err)}
			}
		}
	}
	return nil
}

// The journals that the harness writes. Each incarnation of a pod has one with its name.
const (
	sendsJournal    = "sends.journal"
	observedJournal = "observed.journal"
	appendedJournal = "appended.journal" // appendedJournal is the final read of the source.
	copiesJournal   = "copies.journal"   // copiesJournal is the final read of the side topics.
)

func (s *setup) journalPath(name string) string { return filepath.Join(s.scratch.dir, name) }

// createJournals creates the journals that the harness writes during the run.
func (s *setup) createJournals(context.Context) (err error) {
	if s.observed, err = ledger.NewWriter(s.journalPath(observedJournal)); err != nil {
		return err
	}
	s.closers.addCloser(s.observed.Close)
	if s.sends, err = ledger.NewWriter(s.journalPath(sendsJournal)); err != nil {
		return err
	}
	s.closers.addCloser(s.sends.Close)
	if s.appended, err = ledger.NewWriter(s.journalPath(appendedJournal)); err != nil {
		return err
	}
	s.closers.addCloser(s.appended.Close)
	s.source = observe.NewSourceReader(s.client, s.topics[0], s.id, s.appended.Append)
	return nil
}

// openFront returns how the cluster gives incarnations networks of their own, or nil.
func (s *setup) openFront() func(clientID string) (harness.Front, error) {
	c, ok := s.cluster.(harness.Fronter)
	if !ok {
		return nil
	}
	return func(clientID string) (harness.Front, error) { return c.OpenFront(context.Background(), clientID) }
}

// makeFleet makes the pods, and starts none of them.
func (s *setup) makeFleet(context.Context) (err error) {
	s.fleet, err = newFleet(pod.Options{
		OpenFront:      s.openFront(),
		Implementation: s.Consumer.Implementation.Name, Config: s.cfg, Service: s.Scenario.Service.String(), Failures: s.Scenario.Failures, Slowdown: s.Scenario.Slowdown, Prepare: s.Scenario.Prepare, Topics: s.topicNames(), Partitions: s.Scenario.Partitions, Keyless: !s.Scenario.Load.HasKeys(),
		Seed: s.Seed, Repeat: s.Repeat, Run: s.id, Pods: s.Scenario.Pods, Spare: s.Scenario.Spare, Dir: s.scratch.dir, Clock: s.clock,
		Exited: s.incidents.recordExit,
	})
	if err != nil {
		return err
	}
	s.work = newWorkProgress(s.fleet, s.Scenario.FinalPartitions())
	return nil
}

// readsSideTopics reports whether the consumer reads what it puts in one of its side topics.
func (s *setup) readsSideTopics() bool {
	return slices.ContainsFunc(s.Consumer.Implementation.SideTopicsOf(s.cfg), func(t harness.SideTopic) bool {
		return t.Role.TakesOver() && t.Role != harness.RoleDeadLetter
	})
}

// watchGroup starts to observe the group.
func (s *setup) watchGroup(ctx context.Context) (err error) {
	s.watcher, err = observe.Watch(ctx, observe.Config{
		Cluster: s.cluster, Client: s.client, Topics: s.topics, Protocol: s.cfg.Protocol, Share: s.Consumer.Implementation.Share,
		OwnGroups: s.readsSideTopics(), Clock: s.clock, Journal: s.observed, OwnerOf: s.fleet.OwnerOf, MaxGap: s.cfg.Session, PollEvery: groupPollInterval(s.Backend, s.Scenario.Pods),
	})
	if err != nil {
		return err
	}
	s.closers.addCloser(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.watcher.Stop(ctx) // a second call, if the phase "stop" was reached
		return nil
	})
	return nil
}

// The streams of random numbers of a run. All consumers of a repeat draw the same numbers.
const (
	loadStream = iota + 1
	faultStream
)

// randomStream is one stream of random numbers.
func (s *setup) randomStream(stream uint64) *rand.Rand {
	return seededStream(s.Seed, s.Repeat, stream)
}

// makeProducer makes the producer and lets it connect.
func (s *setup) makeProducer(ctx context.Context) (err error) {
	seeds, err := s.producerSeeds(ctx)
	if err != nil {
		return err
	}
	s.producer, err = load.NewProducer(load.ProducerConfig{
		Seeds: seeds, Dialer: s.cfg.Dialer, Settings: producerSettings(&s.Scenario, s.Backend), Topic: s.cfg.Topic, Partitions: s.Scenario.Partitions, Later: s.Scenario.AddedPartitions(), Load: s.Scenario.Load,
		Run: s.id, Seed: producerSeed(s.Seed, s.Repeat), Clock: s.clock, Journal: s.sends,
	})
	if err != nil {
		return err
	}
	s.closers.addCloser(func() error { s.producer.Close(); return nil })
	if err := s.producer.Prepare(ctx); err != nil {
		return fmt.Errorf("prepare the producer: %w", err)
	}
	return nil
}

// producerSeeds are the addresses for the producer: those of a front of its own if a fault is
// about what it sends, and pods have fronts.
func (s *setup) producerSeeds(ctx context.Context) ([]string, error) {
	c, ok := s.cluster.(harness.Fronter)
	affected := slices.ContainsFunc(s.Scenario.Injections, func(i harness.Injection) bool {
		f, ok := i.Fault.(harness.ProducerFault)
		return ok && f.AffectsProducer()
	})
	if !ok || !affected {
		return s.cfg.Seeds, nil
	}
	front, err := c.OpenFront(ctx, harness.ProducerClientID)
	if err != nil {
		return nil, fmt.Errorf("open a front for the producer: %w", err)
	}
	s.closers.addCloser(front.Close)
	return front.Seeds(), nil
}
