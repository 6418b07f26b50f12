package capacity

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestPredictDrain(t *testing.T) {
	bounds := Bounds(System{Shape: hotShape(12_000, 12, 10*ms, 0.2), Design: keyedDesign(20, 12), Pods: 3})
	o := Outage{For: 50 * time.Second, Detect: 6 * time.Second, Rebalance: 4 * time.Second}
	for rate, want := range map[float64]time.Duration{250: time.Minute, 400: 4 * time.Minute, 450: 9 * time.Minute, 500: harness.Never, 600: harness.Never} {
		d := PredictDrain(bounds, rate, o)
		if last := d[0]; last.Resource != "key 12000" || (last.Took-want).Abs() > time.Second {
			t.Errorf("%v/s: %+v, want %v of the hot key", rate, last, want)
		}
		if d[0].Backlog != 0.2*rate*60 {
			t.Errorf("%v/s: a backlog of %v, want 60 s of its records", rate, d[0].Backlog)
		}
		if rest := d[1]; rest.Took < 0 || rest.Took > 10*time.Second {
			t.Errorf("%v/s: %+v, want the rest drained within seconds", rate, rest)
		}
	}
}

func TestMeasuredSaturationMakesADrainLonger(t *testing.T) {
	bounds := Bounds(System{Shape: hotShape(12_000, 12, 10*ms, 0.2), Design: keyedDesign(20, 12), Pods: 3})
	o := Outage{For: time.Minute}
	if d := PredictDrain(WithMeasured(bounds, 475), 450, o)[0]; (d.Took - 18*time.Minute).Abs() > time.Second {
		t.Errorf("%+v at 450/s where 475/s were measured, want 18m", d)
	}
	for _, rate := range []float64{0, 510} {
		if d := PredictDrain(WithMeasured(bounds, rate), 450, o)[0]; (d.Took - 9*time.Minute).Abs() > time.Second {
			t.Errorf("%+v where %v/s were measured, want 9m", d, rate)
		}
	}
	if bounds[0].Rate != 500 {
		t.Errorf("the bounds have changed: %+v", bounds[0])
	}
}

func TestDrainOfAQueueDependsOnLuck(t *testing.T) {
	d := keyedDesign(20, 12)
	d.Serial = harness.Serial{Unit: harness.SerialQueue, Queues: 20}
	bounds := Bounds(System{Shape: hotShape(12_000, 12, 10*ms, 0.2), Design: d, Pods: 3})
	for name, bounds := range map[string][]Bound{"planned": bounds, "measured": WithMeasured(bounds, 450)} {
		d := PredictDrain(bounds, 350, Outage{For: time.Minute})[0]
		if !(d.Soonest < d.Took && d.Took < d.Latest) {
			t.Errorf("%s: %+v, want luck around it", name, d)
		}
	}
}

func TestDrainByPartition(t *testing.T) {
	shape, o := hotShape(12_000, 12, 10*ms, 0.2), Outage{For: time.Minute}
	d := Design{Serial: harness.Serial{Unit: harness.SerialPartition}, Workers: 4, Partitions: 12}
	for _, c := range []struct {
		design    Design
		hot, rest string
	}{{d, "partition 0", "partition 5"}, {keyedDesign(20, 12), "key 12000", "all 60 workers"}} {
		drains := DrainByPartition(System{Shape: shape, Design: c.design, Pods: 3}, 300, o)
		if drains[0].Resource != c.hot || drains[5].Resource != c.rest || drains[0].Took <= drains[5].Took || drains[5].Took < 0 {
			t.Errorf("%+v, want %s after %s", drains, c.hot, c.rest)
		}
	}
	d.Serial.Unit = harness.SerialRecord
	if drains := DrainByPartition(System{Shape: shape, Design: d, Pods: 3}, 300, o); drains != nil {
		t.Errorf("%+v without order, want none", drains)
	}
}

func TestPredictLossOfAPod(t *testing.T) {
	y := System{Shape: evenShape(12_000, 12, 10*ms), Design: keyedDesign(20, 12), Pods: 2}
	l, ok := PredictLoss(Bounds(y), 3000, Outage{Detect: 6 * time.Second, Rebalance: 2 * time.Second})
	if !ok || !near(l.Headroom, 0.25, 1e-9) || l.Gap != 8*time.Second || (l.Drain.Took-24*time.Second).Abs() > time.Millisecond {
		t.Errorf("%+v, want a quarter of headroom, a gap of 8s and a drain of 24s", l)
	}
	y.Pods = 1
	if l, _ := PredictLoss(Bounds(y), 3000, Outage{}); !near(-l.Headroom, 0.5, 1e-9) || l.Drain.Took != harness.Never {
		t.Errorf("%+v, want half too little and no end of the drain", l)
	}
}
