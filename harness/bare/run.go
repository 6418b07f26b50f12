package bare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/observe"
)

// Plan is one run of bare clients.
type Plan struct {
	Scenario harness.Scenario // Scenario has overrides, defaults and the linger in effect applied.
	Config   harness.Config   // Config has the settings of the pods' clients.
	Backend  harness.Backend
}

// Fits reports whether bare clients can be compared with in a scenario: it is paced, and nothing
// goes wrong in it.
func Fits(s *harness.Scenario) bool {
	_, flood := s.Load.Pacer.(harness.Flooder)
	return !flood && len(s.Injections) == 0 && !s.Failures.Fails() && s.Slowdown.Factor == 0
}

// formTimeout is how long the group may take to share its partitions.
const formTimeout = 30 * time.Second

// run is a run of bare clients.
type run struct {
	Plan
	cluster   harness.Cluster
	topic     string
	epoch     time.Time
	lead      atomic.Int64  // lead is time 0 of the schedule, in ns since epoch.
	last      time.Duration // last is when the last record is due.
	consumers []*consumer
}

// Run sends the load of the plan and reads it. The error says why there is nothing to compare
// with, such as records that were not read in time.
func Run(ctx context.Context, p Plan) (out *harness.Baseline, err error) {
	r := &run{Plan: p, epoch: time.Now(), topic: fmt.Sprintf("stampede-bare-%016x", time.Now().UnixNano())}
	_, _, r.last = load.Extent(p.Scenario.Load.Pacer)
	dir, err := os.MkdirTemp("", "stampede-bare-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if r.cluster, err = p.Backend.Start(ctx, harness.ClusterSpec{Session: p.Config.Session, Heartbeat: p.Config.Heartbeat, Dir: dir}); err != nil {
		return nil, fmt.Errorf("start broker %s: %w", p.Backend.Name(), err)
	}
	defer func() { err = errors.Join(err, r.cluster.Close()) }()
	if err := r.createTopic(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.closeConsumers()) }()
	if err := r.formGroup(ctx); err != nil {
		return nil, err
	}
	sent, host, err := r.sendLoad(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.awaitReads(ctx, sent.records); err != nil {
		return nil, err
	}
	return r.describe(sent, host), nil
}

// elapsed is the time since the start of the load.
func (r *run) elapsed() time.Duration { return time.Since(r.epoch) - time.Duration(r.lead.Load()) }

// dialer reaches the brokers, nil for the ordinary network.
func (r *run) dialer() harness.Dialer {
	d, _ := r.cluster.(harness.Dialer)
	return d
}

func (r *run) createTopic(ctx context.Context) error {
	s := &r.Scenario
	admin, err := observe.NewClient(r.cluster.Seeds(), dialOf(r.dialer()), r.topic, r.topic)
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := admin.CreateTopic(ctx, observe.Topic{Name: r.topic, Partitions: s.Partitions, Replicas: s.Replicas, Config: s.TopicConfig}); err != nil {
		return err
	}
	if placer, ok := r.cluster.(harness.LeaderPlacer); ok {
		return placer.TopicCreated(ctx, r.topic)
	}
	return nil
}

// formGroup starts the consumers and waits until they own all partitions.
func (r *run) formGroup(ctx context.Context) error {
	for n := range r.Scenario.Pods {
		c, err := r.startConsumer(ctx, n)
		if err != nil {
			return err
		}
		r.consumers = append(r.consumers, c)
	}
	formed := func() bool {
		owned, idle := 0, 0
		for _, c := range r.consumers {
			n := int(c.owned.Load())
			if owned += n; n == 0 {
				idle++
			}
		}
		return owned == r.Scenario.Partitions && idle == max(0, len(r.consumers)-r.Scenario.Partitions)
	}
	if err := await(ctx, formTimeout, formed); err != nil {
		return fmt.Errorf("bare consumers did not share %d partitions: %w", r.Scenario.Partitions, err)
	}
	return nil
}

// awaitReads waits until all records are read.
func (r *run) awaitReads(ctx context.Context, sent int64) error {
	read := func() (n int64) {
		for _, c := range r.consumers {
			n += c.read.Load()
		}
		return n
	}
	if err := await(ctx, r.Scenario.Drain, func() bool { return read() >= sent }); err != nil {
		for _, c := range r.consumers {
			err = errors.Join(err, c.failure())
		}
		return fmt.Errorf("bare consumers read %d of %d records: %w", read(), sent, err)
	}
	return nil
}

// closeConsumers ends the consumers.
func (r *run) closeConsumers() (err error) {
	for _, c := range r.consumers {
		err = errors.Join(err, c.close())
	}
	return err
}

// describe merges what the consumers measured. They have ended or are idle.
func (r *run) describe(sent sentLoad, host harness.HostReport) *harness.Baseline {
	var latencies measure.Sample
	var inTime int64
	for _, c := range r.consumers {
		c.mu.Lock()
		latencies.Merge(&c.latencies)
		inTime += c.inTime
		c.mu.Unlock()
	}
	out := &harness.Baseline{Scenario: r.Scenario.Name, EndToEnd: latencies.Quantiles(), Ack: sent.acks.Quantiles(), Host: host}
	if measured := r.last - r.Scenario.Warmup; measured > 0 {
		out.Completed = float64(inTime) / measured.Seconds()
	}
	return out
}

// await waits until ok, looking every 10 ms, and at most for a time.
func await(ctx context.Context, most time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("waited for %v", most))
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}
