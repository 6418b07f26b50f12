package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// Info describes a scenario for the report.
func Info(s harness.Scenario) harness.ScenarioInfo {
	_, _, last := load.Extent(s.Load.Pacer)
	info := harness.ScenarioInfo{
		Name: s.Name, Doc: s.Doc, Pacer: s.Load.Pacer.String(), Producer: s.Producer.String(), Keys: s.Load.Keys.String(), Service: s.Service.String(), Failures: load.DescribeFailures(s.Failures), Slowdown: load.DescribeSlowdown(s.Slowdown),
		Topic: describeTopic(&s), Payload: s.Load.Payload, Profile: s.Load.Profile, Partitions: s.Partitions, Pods: s.Pods, Spare: s.Spare, Workers: s.Workers, Window: s.Window,
		Warmup: s.Warmup, Load: last, Drain: s.Drain, Commit: s.Commit, Session: s.Session,
		Objectives: s.Objectives, Conditions: s.Conditions, MayOverload: s.MayOverload,
	}
	if s.Load.Sizes != nil {
		info.Sizes = s.Load.Sizes.String()
	}
	for _, i := range s.Injections {
		words := fmt.Sprintf("%s at %v", i.Fault.Name(), i.At)
		if heal, ok := i.HealsAfter(s.Session); ok {
			words += fmt.Sprintf(", healed %v later", heal)
		}
		info.Faults = append(info.Faults, words)
	}
	return info
}

// InfoOn describes a scenario as it runs on a back end.
func InfoOn(s harness.Scenario, b harness.Backend) harness.ScenarioInfo {
	linger := Linger(&s, b)
	s.Producer.Linger = 0
	info := Info(s)
	info.Linger = linger
	return info
}

// describeTopic says what is unusual about the source topic, "" for nothing.
func describeTopic(s *harness.Scenario) string {
	var words []string
	switch {
	case s.Replicas == 1:
		words = append(words, "1 replica")
	case s.Replicas > 0:
		words = append(words, fmt.Sprintf("%d replicas", s.Replicas))
	}
	for _, name := range slices.Sorted(maps.Keys(s.TopicConfig)) {
		words = append(words, name+"="+s.TopicConfig[name])
	}
	return strings.Join(words, ", ")
}

// Estimate is roughly how long a run of the scenario takes with a consumer of the given
// parallelism: the load, the work, and the seconds before and after. It is meant for the
// progress display.
func Estimate(s harness.Scenario, parallelism int) time.Duration {
	records, _, last := load.Extent(s.Load.Pacer)
	work := time.Duration(float64(records) * float64(s.Service.Mean()) / float64(max(1, min(s.Pods, s.Partitions)*parallelism)))
	end := max(last, min(work, last+s.Drain))
	for _, i := range s.Injections {
		heal, _ := i.HealsAfter(s.Session)
		end = max(end, i.At+heal, i.At+s.Session+2*time.Second)
	}
	const overhead = 4 * time.Second // the group forms, pods stop, the log is read and judged
	return end + overhead
}

// Describe describes a selected consumer for the report.
func Describe(s harness.Scenario, c harness.Selection) harness.ConsumerInfo {
	i := c.Implementation
	info := harness.ConsumerInfo{
		Name: c.Name(), Base: i.Name, Doc: i.Doc, Delivery: i.Delivery, Order: i.Order, Redelivery: i.Redelivery,
		Protocol: c.Protocol, Knobs: c.Knobs, MustFail: slices.Clone(i.MustFail),
	}
	if cfg, err := consumerConfig(&s, c, 0); err == nil {
		info.Parallelism = i.ParallelismOf(cfg)
	}
	return info
}
