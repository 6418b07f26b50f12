package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/pod"
)

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
		if err := r.client.ConfigureShareGroup(within, r.cluster, r.cfg.ShareLock, r.cfg.DeliveryLimit); err != nil {
			return err
		}
	}
	if r.sends, err = ledger.NewWriter(r.path(sendsJournal)); err != nil {
		return err
	}
	if r.observed, err = ledger.NewWriter(r.path(observedJournal)); err != nil {
		return err
	}
	if err := r.newFleet(); err != nil {
		return err
	}
	r.watcher, err = observe.Watch(within, observe.Config{
		Cluster: r.cluster, Client: r.client, Topics: r.topics, Protocol: r.cfg.Protocol, Share: r.Consumer.Implementation.Share,
		Clock: r.clock, Journal: r.observed, OwnerOf: r.ownerOf, MaxGap: r.cfg.Session, PollEvery: lookEvery(r.Backend),
	})
	if err != nil {
		return err
	}
	return r.newProducer(within)
}

// The journals that the harness writes; each incarnation of a pod has one by its name.
const (
	sendsJournal    = "sends.journal"
	observedJournal = "observed.journal"
	landedJournal   = "landed.journal" // landedJournal has the final read of the source.
	copiesJournal   = "copies.journal" // copiesJournal has that of the side topics.
)

func (r *run) path(journal string) string { return filepath.Join(r.scratch.dir, journal) }

func (r *run) newFleet() (err error) {
	r.fleet, err = newFleet(pod.Options{
		Implementation: r.Consumer.Implementation.Name, Config: r.cfg, Service: r.Scenario.Service.String(), Failures: r.Scenario.Failures, Slowdown: r.Scenario.Slowdown, Prepare: r.Scenario.Prepare, Topics: r.topicNames(),
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
