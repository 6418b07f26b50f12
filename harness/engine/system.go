package engine

import (
	"math/rand/v2"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/pod"
)

// PlanSystem is what capacity.Bounds needs to know about a consumer in a scenario: the load
// that a run with this seed and repeat sends, and what the design does with it. It fails where a
// run would refuse the scenario.
func PlanSystem(s harness.Scenario, c harness.Selection, seed uint64, repeat int) (capacity.System, error) {
	s, err := Overrides{}.Apply(s)
	if err != nil {
		return capacity.System{}, err
	}
	cfg, err := consumerConfig(&s, c, seed)
	if err != nil {
		return capacity.System{}, err
	}
	shape, err := load.PlanShape(load.ShapePlan{
		Load: s.Load, Service: s.Service, Partitions: s.Partitions,
		Producer: producerSeed(seed, repeat), Seed: seed, Repeat: repeat,
	})
	if err != nil {
		return capacity.System{}, err
	}
	return capacity.System{
		Shape: shape, Pods: s.Pods, Seed: seed,
		Design: capacity.DescribeDesign(c.Implementation, cfg, s.Partitions), Prepared: pod.PreparedPart(s.Prepare),
	}, nil
}

// producerSeed is the seed of the producer of a repeat: all its consumers get the same keys.
func producerSeed(seed uint64, repeat int) uint64 {
	return seededStream(seed, repeat, loadStream).Uint64()
}

// seededStream is one stream of random numbers of a repeat.
func seededStream(seed uint64, repeat int, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(repeat)<<8|stream))
}
