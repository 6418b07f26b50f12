package capacity

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Plan is what a team decides from: how many pods each design needs for a load, and what happens on a
// bad day.
type Plan struct {
	Rate float64 `json:"rate_per_s"` // Rate is that of a usual hour.
	Peak float64 `json:"peak_per_s"` // Peak is the rate that must hold.
	// Objectives must hold at the peak.
	Objectives string               `json:"objectives"`
	Scenario   harness.ScenarioInfo `json:"scenario"`
	Designs    []DesignPlan         `json:"designs"`
}

// DesignPlan is the plan of one design.
type DesignPlan struct {
	Consumer harness.ConsumerInfo `json:"consumer"`
	Failed   string               `json:"failed,omitempty"` // Failed is why there is no plan, "" if there is one.
	Took     time.Duration        `json:"took_ns"`

	Pods       int `json:"pods"`
	Partitions int `json:"partitions"`
	Workers    int `json:"workers"` // Workers of a pod.

	Demand   *Result `json:"demand,omitempty"`   // Demand is the search for the pods.
	Capacity *Answer `json:"capacity,omitempty"` // Capacity is that of the planned pods.
	Bounds   []Bound `json:"bounds,omitempty"`   // Bounds of the planned pods.

	Outages    []OutagePlan `json:"outages,omitempty"`
	PodLost    *Loss        `json:"pod_lost,omitempty"`
	BrokerLost *Loss        `json:"broker_lost,omitempty"`
	Purchases  []Purchase   `json:"purchases,omitempty"`
	Settings   *Settings    `json:"settings,omitempty"`
}

// OutagePlan is an outage at the usual rate, and the resource that is drained last.
type OutagePlan struct {
	For  time.Duration `json:"for_ns"`
	Last Drain         `json:"last"`
}

// Purchase is something that could be added, and the bound after it.
type Purchase struct {
	What  string `json:"what"`
	Bound Bound  `json:"bound"`
	// Gain is by how much the tightest bound moves, as a share of the present one.
	Gain float64 `json:"gain"`
}

// Utilisation is that of the most loaded resource at the peak, with its name. ok is false where no
// bound applies.
func (d *DesignPlan) Utilisation(peak float64) (u float64, of string, ok bool) {
	b, ok := Tightest(d.Bounds)
	if !ok {
		return 0, "", false
	}
	return b.Utilisation(peak), b.Resource, true
}

// Cheapest is the design that holds the peak with the fewest pods, and of these the one with the
// highest capacity. It is one of those with an order claim, unless that is "". nil if none holds the
// peak.
func (p *Plan) Cheapest(order harness.Order) *DesignPlan {
	var best *DesignPlan
	for i := range p.Designs {
		d := &p.Designs[i]
		if d.Failed != "" || d.Pods == 0 || order != "" && d.Consumer.Order != order {
			continue
		}
		if best == nil || d.Pods < best.Pods || d.Pods == best.Pods && d.found() > best.found() {
			best = d
		}
	}
	return best
}

func (d *DesignPlan) found() float64 {
	if d.Capacity == nil {
		return 0
	}
	load, _ := d.Capacity.Capacity()
	return load
}
