package capacity

import (
	"cmp"
	"slices"
	"time"
)

// Shape is how the planned records of a load divide over its keys and partitions, and how
// much work they are. harness/load counts it, so it is that of a run and of no formula.
type Shape struct {
	Records    uint64        // Records of the load.
	Counted    uint64        // Counted are the first of them. Fewer than Records: the shares are those of a sample.
	Keys       []KeyLoad     // Keys that occurred, the key with the most work first.
	Partitions []UnitLoad    // Partitions of the source, by their number.
	Work       time.Duration // Work of all counted records.
	// Squares are the sum of the squares of the work of each record, in square seconds.
	Squares float64
}

// UnitLoad is what a key, a partition or another unit gets of the counted records.
type UnitLoad struct {
	Records uint64
	Work    time.Duration
}

// KeyLoad is what a key gets. All its records lie in one partition.
type KeyLoad struct {
	Key       uint32
	Partition int32
	UnitLoad
}

// Sampled reports whether the shape is that of the first records alone.
func (s *Shape) Sampled() bool { return s.Counted < s.Records }

// Mean is the mean work of a record, 0 without records.
func (s *Shape) Mean() time.Duration {
	if s.Counted == 0 {
		return 0
	}
	return time.Duration(float64(s.Work) / float64(s.Counted))
}

// WorkVariation is the squared coefficient of variation of the work: 0 for a fixed time.
func (s *Shape) WorkVariation() float64 {
	if s.Work <= 0 {
		return 0
	}
	n, sum := float64(s.Counted), s.Work.Seconds()
	return max(0, s.Squares*n/(sum*sum)-1)
}

// ShareOf is the share of the counted records that a unit gets, in [0,1].
func (s *Shape) ShareOf(u UnitLoad) float64 {
	if s.Counted == 0 {
		return 0
	}
	return float64(u.Records) / float64(s.Counted)
}

// HottestKey is the key with the most work. ok is false without records.
func (s *Shape) HottestKey() (k KeyLoad, ok bool) {
	if len(s.Keys) == 0 {
		return k, false
	}
	return s.Keys[0], true
}

// FullestPartition is the partition with the most work, -1 without records.
func (s *Shape) FullestPartition() (number int, u UnitLoad) {
	number = -1
	for p, l := range s.Partitions {
		if number < 0 || l.compare(u) > 0 {
			number, u = p, l
		}
	}
	return number, u
}

// MaxOverMeanPartition is the records of the fullest partition over the mean, as
// harness.KeyReport has it of a run.
func (s *Shape) MaxOverMeanPartition() float64 {
	most := uint64(0)
	for _, p := range s.Partitions {
		most = max(most, p.Records)
	}
	if s.Counted == 0 {
		return 0
	}
	return float64(most) * float64(len(s.Partitions)) / float64(s.Counted)
}

// compare compares by work, and by records where work is equal, as where it is none.
func (u UnitLoad) compare(v UnitLoad) int {
	return cmp.Or(cmp.Compare(u.Work, v.Work), cmp.Compare(u.Records, v.Records))
}

func (u *UnitLoad) add(v UnitLoad) {
	u.Records += v.Records
	u.Work += v.Work
}

// SortKeys puts the keys into the order of [Shape.Keys].
func (s *Shape) SortKeys() {
	slices.SortFunc(s.Keys, func(a, b KeyLoad) int {
		return cmp.Or(b.UnitLoad.compare(a.UnitLoad), cmp.Compare(a.Key, b.Key))
	})
}
