package sizing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/slo"
)

const (
	// brokerSession is how long the controllers of Kafka wait for a silent broker
	// (broker.session.timeout.ms), and rebalanceTime about what new owners take until they work.
	brokerSession = 9 * time.Second
	rebalanceTime = 2 * time.Second
	// defaultAge is the age for which KEDA is set up where no objective has one.
	defaultAge = 5 * time.Second
)

// outages are the outages of each plan.
var outages = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// Plan plans one design. The load of the question's scenario is the peak, and usual the rate of a
// usual hour. A design that cannot hold the peak is a plan with the reason; an error is one of ours.
func (q Question) Plan(ctx context.Context, usual float64, run Runner, progress func(capacity.Progress)) (d capacity.DesignPlan, err error) {
	began := time.Now()
	defer func() { d.Took = time.Since(began) }()
	q.Seek = SeekPods
	d = capacity.DesignPlan{Consumer: engine.Describe(q.Scenario, q.Consumer), Partitions: q.Scenario.Partitions, Workers: q.Scenario.Workers}
	peak := q.Rate()
	if d.Failed, err = q.refusePeak(&d, peak); err != nil || d.Failed != "" {
		return d, err
	}
	demand, err := q.Answer(ctx, run, progress)
	d.Demand = demand.Result
	if err != nil {
		return d, err
	}
	pods, ok := demand.Capacity()
	if !ok {
		d.Failed = fmt.Sprintf("%d pods did not hold the peak", int(q.Most))
		return d, nil
	}
	most := int(q.Most)
	q.Seek, q.Least, q.Most = SeekRate, 0, 0
	for d.Pods = int(pods); d.Pods <= most; d.Pods++ {
		q.Scenario.Pods = d.Pods
		found, err := q.Answer(ctx, run, progress)
		if err != nil {
			return d, err
		}
		d.Capacity, d.Bounds = &found, found.Bounds
		// The search for pods has few trials of each number. That for the rate has more, with other
		// records: its answer decides.
		if rate, ok := found.Capacity(); ok && rate >= peak {
			return d, q.foresee(&d, usual, peak)
		}
	}
	d.Failed = fmt.Sprintf("%d pods held less than the peak of %.4g/s", most, peak)
	return d, nil
}

// refusePeak says why no number of pods can hold the peak, "" if the bounds allow one. It limits the
// search to the pods that can matter.
func (q *Question) refusePeak(d *capacity.DesignPlan, peak float64) (string, error) {
	y, err := engine.PlanSystem(q.Scenario, q.Consumer, q.Seed, 1)
	if err != nil {
		return "", err
	}
	most := y.PodsAtBound()
	if most == 0 {
		most = mostPods
	}
	y.Pods = most
	d.Bounds = capacity.Bounds(y)
	q.Most = float64(most)
	if b, ok := capacity.Tightest(d.Bounds); ok && b.Most < peak {
		return fmt.Sprintf("no number of pods holds %.4g/s: %s", peak, b), nil
	}
	return "", nil
}

// foresee predicts outages, losses and purchases of a plan from its bounds and its capacity.
func (q *Question) foresee(d *capacity.DesignPlan, usual, peak float64) error {
	measured, _ := d.Capacity.Capacity()
	if s := d.Capacity.Saturation; s != nil && s.Remark == "" {
		measured = max(measured, s.Rate)
	}
	bounds := capacity.WithMeasured(d.Bounds, measured)
	for _, t := range outages {
		if drains := capacity.PredictDrain(bounds, usual, capacity.Outage{For: t}); len(drains) > 0 {
			d.Outages = append(d.Outages, capacity.OutagePlan{For: t, Last: drains[0]})
		}
	}
	if d.Pods > 1 {
		rest, err := q.boundsWith(func(s *harness.Scenario) { s.Pods-- })
		if err != nil {
			return err
		}
		if l, ok := capacity.PredictLoss(rest, peak, capacity.Outage{Detect: q.Scenario.Session, Rebalance: rebalanceTime}); ok {
			d.PodLost = &l
		}
	}
	if l, ok := capacity.PredictLoss(bounds, peak, capacity.Outage{Detect: brokerSession}); ok {
		d.BrokerLost = &l
	}
	if err := q.weighPurchases(d); err != nil {
		return err
	}
	return q.adviseSettings(d)
}

// boundsWith are the bounds of a changed scenario.
func (q *Question) boundsWith(change func(*harness.Scenario)) ([]capacity.Bound, error) {
	s := q.Scenario
	change(&s)
	y, err := engine.PlanSystem(s, q.Consumer, q.Seed, 1)
	if err != nil {
		return nil, err
	}
	return capacity.Bounds(y), nil
}

// weighPurchases computes how each purchase moves the tightest bound, the largest gain first.
func (q *Question) weighPurchases(d *capacity.DesignPlan) error {
	now, ok := capacity.Tightest(d.Bounds)
	if !ok {
		return nil
	}
	for _, buy := range []struct {
		what   string
		change func(*harness.Scenario)
	}{
		{"one pod more", func(s *harness.Scenario) { s.Pods++ }},
		{"twice the workers of a pod", func(s *harness.Scenario) { s.Workers *= 2; s.Window = max(s.Window, 2*s.Workers) }},
		{"twice the partitions", func(s *harness.Scenario) { s.Partitions *= 2 }},
	} {
		bounds, err := q.boundsWith(buy.change)
		if err != nil {
			return err
		}
		if b, ok := capacity.Tightest(bounds); ok {
			d.Purchases = append(d.Purchases, capacity.Purchase{What: buy.what, Bound: b, Gain: b.Rate/now.Rate - 1})
		}
	}
	if b, ok := splitKey(d.Bounds); ok {
		d.Purchases = append(d.Purchases, capacity.Purchase{What: "the hottest key split in two", Bound: b, Gain: b.Rate/now.Rate - 1})
	}
	slices.SortStableFunc(d.Purchases, func(a, b capacity.Purchase) int {
		switch {
		case a.Gain > b.Gain:
			return -1
		case a.Gain < b.Gain:
			return 1
		}
		return 0
	})
	return nil
}

// splitKey is the tightest bound once the hottest key has half of its records. ok is false for a
// design that is not bound by a key.
func splitKey(bounds []capacity.Bound) (tightest capacity.Bound, ok bool) {
	bounds = slices.Clone(bounds)
	i := slices.IndexFunc(bounds, func(b capacity.Bound) bool { return b.Name == capacity.BoundKey && b.Void == "" })
	if i < 0 {
		return tightest, false
	}
	bounds[i].Rate *= 2
	return capacity.Tightest(bounds)
}

// adviseSettings sets what a team can paste.
func (q *Question) adviseSettings(d *capacity.DesignPlan) error {
	y, err := engine.PlanSystem(q.Scenario, q.Consumer, q.Seed, 1)
	if err != nil {
		return err
	}
	found, ok := d.Capacity.Capacity()
	if !ok {
		return nil
	}
	age := defaultAge
	objectives, err := slo.Parse(q.Scenario.Objectives)
	if err != nil {
		return err
	}
	if limit, has := objectives.Limit("age"); has {
		age = time.Duration(limit * float64(time.Second))
	}
	cfg := harness.Config{MaxPoll: q.Scenario.MaxPoll, Session: q.Scenario.Session, Heartbeat: q.Scenario.Session / 6}
	s := capacity.AdviseSettings(y, found/float64(d.Pods), age, cfg)
	d.Settings = &s
	return nil
}
