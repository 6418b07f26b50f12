package load

import (
	"fmt"
	"math/rand/v2"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
)

// ShapePlan is the load whose shape [PlanShape] counts.
type ShapePlan struct {
	Load       harness.Load
	Service    harness.Service
	Partitions int    // Partitions of the topic. Those that a fault adds are not known.
	Producer   uint64 // Producer is the seed of the producer, as in [ProducerConfig].
	Seed       uint64 // Seed and Repeat of the run decide the service times.
	Repeat     int
	Most       uint64 // Most records are counted, the first ones. 0: [DefaultCounted].
}

// DefaultCounted is how many records of a load are counted: they take some tenths of a second.
const DefaultCounted = 1 << 20

// PlanShape counts the records of a load by key and partition, and adds up their work. It draws
// keys and service times as the producer and the pods do, so a run gets exactly these records.
// It fails where the keys or the partitions mean nothing.
func PlanShape(p ShapePlan) (capacity.Shape, error) {
	records, _, _ := Extent(p.Load.Pacer)
	keys := p.Load.Keys
	if none, ok := keys.(harness.Keyless); ok && keys.Count() != p.Partitions {
		keys = none.Of(p.Partitions, p.Load.Payload)
	}
	if p.Partitions <= 0 {
		return capacity.Shape{}, fmt.Errorf("plan the shape of a load on %d partitions: want more than none", p.Partitions)
	}
	most := p.Most
	if most == 0 {
		most = DefaultCounted
	}
	s := capacity.Shape{Records: records, Counted: min(records, most), Partitions: make([]capacity.UnitLoad, p.Partitions)}
	seqs := map[uint32]*capacity.KeyLoad{}
	random := rand.New(rand.NewPCG(p.Producer, golden))
	for n := range s.Counted {
		key := keys.Key(n, random)
		k := seqs[key]
		if k == nil {
			k = &capacity.KeyLoad{Key: key, Partition: int32(partitionFor(&p.Load, key, p.Partitions))}
			if int(k.Partition) >= p.Partitions {
				return s, fmt.Errorf("keys %s give record %d to partition %d of %d", keys, n, k.Partition, p.Partitions)
			}
			seqs[key] = k
		}
		work := ServiceTime(p.Service, p.Seed, p.Repeat, key, uint32(k.Records))
		s.Squares += work.Seconds() * work.Seconds()
		k.Work += work
		k.Records++
	}
	for _, k := range seqs {
		s.Keys = append(s.Keys, *k)
		at := &s.Partitions[k.Partition]
		at.Records += k.Records
		at.Work += k.Work
		s.Work += k.Work
	}
	s.SortKeys()
	return s, nil
}

// partitionFor is the partition that the producer sends the records of a key to.
func partitionFor(l *harness.Load, key uint32, partitions int) int {
	if l.HasKeys() {
		return PartitionOf(key, partitions)
	}
	return int(key)
}
