package load_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

func TestPlanShapeCountsEachRecordOnce(t *testing.T) {
	for _, keys := range []string{"uniform:1000", "zipf:1.1/1000", "hot:0.2/1/1000", "none"} {
		k, err := load.ParseKeys(keys)
		if err != nil {
			t.Fatal(err)
		}
		p := load.ShapePlan{
			Load:    harness.Load{Pacer: load.Constant{Rate: 1000, For: 20 * time.Second}, Keys: k, Payload: 200},
			Service: load.LogNormal{Average: 10 * time.Millisecond, P99: 100 * time.Millisecond}, Partitions: 12, Seed: 7, Repeat: 1,
		}
		s, err := load.PlanShape(p)
		if err != nil {
			t.Fatal(err)
		}
		var records uint64
		var work time.Duration
		for _, part := range s.Partitions {
			records, work = records+part.Records, work+part.Work
		}
		for i, k := range s.Keys {
			records, work = records+k.Records, work+k.Work
			if i > 0 && k.Work > s.Keys[i-1].Work {
				t.Errorf("%s: key %d has more work than the key before it", keys, k.Key)
			}
		}
		if records != 2*20_000 || work != 2*s.Work || s.Counted != 20_000 || s.Sampled() {
			t.Errorf("%s: %d records and %v of work in partitions and keys, want twice 20,000 and %v", keys, records, work, s.Work)
		}
		if mean := s.Mean(); mean < 9*time.Millisecond || mean > 11*time.Millisecond {
			t.Errorf("%s: a mean of %v, want about 10ms", keys, mean)
		}
	}
}

func TestPlanShapeOfASampleSaysSo(t *testing.T) {
	s, err := load.PlanShape(load.ShapePlan{
		Load:    harness.Load{Pacer: load.Flood{Records: 5000}, Keys: load.Hot{Fraction: 0.5, Hot: 1, Others: 100}},
		Service: load.Fixed(time.Millisecond), Partitions: 3, Most: 1000,
	})
	if err != nil || s.Records != 5000 || s.Counted != 1000 || !s.Sampled() {
		t.Fatalf("%d of %d records counted, %v: want 1000 of 5000", s.Counted, s.Records, err)
	}
	if k, _ := s.HottestKey(); k.Key != 0 || s.ShareOf(k.UnitLoad) < 0.45 || s.ShareOf(k.UnitLoad) > 0.55 || int(k.Partition) != load.PartitionOf(0, 3) {
		t.Errorf("hottest key %+v, want key 0 with half of the records", k)
	}
}

func TestPlanShapeRefusesNoPartitions(t *testing.T) {
	if _, err := load.PlanShape(load.ShapePlan{Load: harness.Load{Pacer: load.Flood{Records: 1}, Keys: load.Uniform{N: 1}}, Service: load.Fixed(0)}); err == nil {
		t.Error("a shape on no partitions")
	}
}
