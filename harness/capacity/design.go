package capacity

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Design is what the bounds need to know about a consumer under one configuration.
type Design struct {
	Name    string
	Serial  harness.Serial // Serial is what it works on one record at a time.
	Workers int            // Workers are the most attempts that a pod has in work at once.
	Buffer  int            // Buffer is the most records that a pod has fetched and not finished. 0: it declares no limit.
	// Elsewhere: another pod than the owner of a record's partition may work on it.
	Elsewhere bool
	// Partitions are how many partitions pods share for their work; a pod without one has none.
	// 0: any pod may work.
	Partitions int
}

// DescribeDesign is the design of an implementation under cfg, on a source of so many partitions.
func DescribeDesign(i *harness.Implementation, cfg harness.Config, partitions int) Design {
	return Design{
		Name: i.Name, Serial: i.SerialOf(cfg), Workers: i.ParallelismOf(cfg), Buffer: i.BufferingOf(cfg),
		Elsewhere: i.WorksElsewhere(cfg), Partitions: i.WorkPartitions(cfg, partitions),
	}
}

// System is a load, a design and its pods: what [Bounds] computes from. Values that were
// measured are zero where they are not known, and then have no bound.
type System struct {
	Shape  Shape
	Design Design
	Pods   int

	// Prepared is the share of the work that a design may do ahead, in [0,1). It counts only for a
	// design that prepares.
	Prepared float64

	// Seed is for what chance decides in a run: the pod of a partition, the queue of a key.
	Seed uint64

	// Service is the mean time of an attempt as achieved. 0: as planned.
	Service time.Duration
	// Residence is how long a record is in its pod in the mean, from its fetch to its end. 0: not
	// known, and at least its work.
	Residence time.Duration
	Cores     float64       // Cores are the processors that all pods share.
	CPU       time.Duration // CPU is the time on a processor that a record takes.
	Client    float64       // Client is the rate of clients without work, in records/s.
}

// activePods are the pods that can get work.
func (y *System) activePods() int {
	if y.Design.Partitions == 0 {
		return y.Pods
	}
	return min(y.Pods, y.Design.Partitions)
}

// batch is how many records one attempt takes at most.
func (y *System) batch() float64 { return float64(max(1, y.Design.Serial.Batch)) }

// serialPart is the share of the work of a record that its unit does one record at a time.
func (y *System) serialPart() float64 {
	if y.Design.Serial.Prepares {
		return 1 - y.Prepared
	}
	return 1
}

// stretch is the work as achieved over the work as planned. What a design prepares is no part
// of an attempt.
func (y *System) stretch() float64 {
	planned := float64(y.Shape.Mean()) * y.serialPart()
	if y.Service <= 0 || planned <= 0 {
		return 1
	}
	return float64(y.Service) / planned
}
