package capacity

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

const ms = time.Millisecond

// evenShape is a load of n records with the same work on as many keys, in each partition in turn.
func evenShape(n, partitions int, work time.Duration) Shape {
	s := Shape{Records: uint64(n), Counted: uint64(n), Partitions: make([]UnitLoad, partitions), Work: time.Duration(n) * work}
	for k := range n {
		u := UnitLoad{1, work}
		s.Keys = append(s.Keys, KeyLoad{uint32(k), int32(k % partitions), u})
		s.Partitions[k%partitions].add(u)
	}
	return s
}

// hotShape has a share of the records of an even load on one key, in partition 0.
func hotShape(n, partitions int, work time.Duration, share float64) Shape {
	hot := int(share * float64(n))
	s := evenShape(n-hot, partitions, work)
	u := UnitLoad{uint64(hot), time.Duration(hot) * work}
	s.Keys = append(s.Keys, KeyLoad{uint32(n), 0, u})
	s.Partitions[0].add(u)
	s.Records, s.Counted, s.Work = uint64(n), uint64(n), s.Work+u.Work
	s.SortKeys()
	return s
}

func keyedDesign(workers, partitions int) Design {
	return Design{Name: "keyed", Serial: harness.Serial{Unit: harness.SerialKey}, Workers: workers, Buffer: 500, Partitions: partitions}
}

func near(got, want, part float64) bool { return math.Abs(got-want) <= part*want }

func TestTightestBound(t *testing.T) {
	even, hot := evenShape(12_000, 12, 10*ms), hotShape(12_000, 12, 10*ms, 0.2)
	with := func(d Design, s harness.Serial) Design { d.Serial = s; return d }
	keyed := keyedDesign(20, 12)
	serial := Design{Serial: harness.Serial{Unit: harness.SerialPartition}, Workers: 1, Buffer: 500, Partitions: 12}
	partition := serial
	partition.Workers = 4
	for _, c := range []struct {
		name   string
		system System
		bound  string
		rate   float64
	}{
		{"as many keys as records", System{Shape: even, Design: keyed, Pods: 3}, BoundWorkers, 6000},
		{"one pod has no other to compare with", System{Shape: even, Design: keyed, Pods: 1}, BoundWorkers, 2000},
		{"more pods than partitions", System{Shape: even, Design: keyed, Pods: 40}, BoundWorkers, 24_000},
		{"a share group uses every pod", System{Shape: even, Design: Design{Serial: harness.Serial{Unit: harness.SerialRecord}, Workers: 20, Buffer: 500, Elsewhere: true}, Pods: 40}, BoundWorkers, 80_000},
		{"a hot key", System{Shape: hot, Design: keyed, Pods: 3}, BoundKey, 500},
		{"a hot key in batches of ten", System{Shape: hot, Design: with(keyed, harness.Serial{Unit: harness.SerialKey, Batch: 10}), Pods: 3}, BoundKey, 5000},
		{"a hot key that is split", System{Shape: hot, Design: with(keyed, harness.Serial{Unit: harness.SerialKey, Ways: 4}), Pods: 3}, BoundKey, 2000},
		{"a hot key that is prepared", System{Shape: hot, Design: with(keyed, harness.Serial{Unit: harness.SerialKey, Prepares: true}), Pods: 3, Prepared: 0.8}, BoundKey, 2500},
		{"work that takes twice as long", System{Shape: hot, Design: keyed, Pods: 3, Service: 20 * ms}, BoundKey, 250},
		{"rest of prepared work, as achieved", System{Shape: hot, Design: with(keyed, harness.Serial{Unit: harness.SerialKey, Prepares: true}), Pods: 3, Prepared: 0.8, Service: 2 * ms}, BoundKey, 2500},
		{"no order", System{Shape: hot, Design: with(keyed, harness.Serial{Unit: harness.SerialRecord}), Pods: 1}, BoundWorkers, 2000},
		{"partitions", System{Shape: even, Design: partition, Pods: 3}, BoundWorkers, 1200},
		{"the fullest partition", System{Shape: hot, Design: partition, Pods: 3}, BoundPartition, 12 / (0.01 * (0.2*12 + 0.8))},
		{"one record of a pod at a time", System{Shape: even, Design: serial, Pods: 3}, BoundWorkers, 300},
		{"the fullest pod", System{Shape: hot, Design: serial, Pods: 3}, BoundPod, 1 / (0.01 * (0.2 + 0.8*4/12))},
		{"processors", System{Shape: even, Design: keyed, Pods: 3, Cores: 2, CPU: ms}, BoundCPU, 2000},
		{"clients", System{Shape: even, Design: keyed, Pods: 3, Client: 5000}, BoundClient, 5000},
		{"a stay of a second", System{Shape: even, Design: keyed, Pods: 3, Residence: time.Second}, BoundWindow, 1500},
	} {
		b, ok := Tightest(Bounds(c.system))
		if !ok || b.Name != c.bound || !near(b.Rate, c.rate, 1e-3) {
			t.Errorf("%s: %+v, want %s of %.1f/s", c.name, b, c.bound, c.rate)
		}
	}
}

func TestHashQueueIsTighterThanItsWorkersAndLooserThanItsHottestKey(t *testing.T) {
	d := keyedDesign(20, 12)
	d.Serial = harness.Serial{Unit: harness.SerialQueue, Queues: 20}
	for _, c := range []struct {
		shape    Shape
		from, to float64
	}{
		{evenShape(12_000, 12, 10*ms), 0.75 * 6000, 0.98 * 6000}, // 200 keys a queue: 15 % more in the fullest of 60
		{hotShape(12_000, 12, 10*ms, 0.2), 0.9 * 500, 500},       // the others of its queue are a sixtieth
	} {
		b, _ := Tightest(Bounds(System{Shape: c.shape, Design: d, Pods: 3}))
		if b.Name != BoundQueue || b.Rate < c.from || b.Rate > c.to || !(b.Least < b.Rate && b.Rate < b.Most) {
			t.Errorf("%+v, want a rate from %.0f to %.0f and luck around it", b, c.from, c.to)
		}
	}
}

func TestBoundSaysItsResourceInWords(t *testing.T) {
	b, _ := Tightest(Bounds(System{Shape: hotShape(1000, 12, 10*ms, 0.2), Design: keyedDesign(20, 12), Pods: 3}))
	if want := "bound by the hot key: 20 % of the records on key 1000 at 10ms cannot pass 500/s"; b.String() != want {
		t.Errorf("%q, want %q", b, want)
	}
	if rho := b.Utilisation(400); rho != 0.8 {
		t.Errorf("a utilisation of %v at 400/s, want 0.8", rho)
	}
}

func TestBoundsSayWhatDoesNotApply(t *testing.T) {
	d := Design{Serial: harness.Serial{Unit: harness.SerialRecord}, Workers: 20, Elsewhere: true}
	void := map[string]bool{}
	for _, b := range Bounds(System{Shape: evenShape(100, 4, ms), Design: d, Pods: 3}) {
		if b.Void != "" {
			void[b.Name] = true
		}
		if (b.Void != "") != (b.Rate == 0) || (b.Void == "") != strings.Contains(b.Why, "cannot pass") {
			t.Errorf("%+v is neither a bound nor the reason for none", b)
		}
	}
	if !void[BoundPod] || !void[BoundKey] || !void[BoundWindow] || len(void) != 3 {
		t.Errorf("%v do not apply, want the fullest pod, the hot key and the window", void)
	}
}

func TestNoWorkHasNoBound(t *testing.T) {
	for _, s := range []Shape{{Partitions: make([]UnitLoad, 3)}, evenShape(100, 3, 0)} {
		if b, ok := Tightest(Bounds(System{Shape: s, Design: keyedDesign(20, 3), Pods: 3})); ok {
			t.Errorf("%+v, want no bound", b)
		}
	}
}

func TestCheckRate(t *testing.T) {
	bounds := Bounds(System{Shape: hotShape(12_000, 12, 10*ms, 0.2), Design: keyedDesign(20, 12), Pods: 3})
	above := (*AboveBound)(nil)
	if _, err := CheckRate(bounds, 520, DefaultTolerance); !errors.As(err, &above) || above.Bound.Name != BoundKey {
		t.Errorf("520/s: %v, want more than the bound", err)
	}
	for rate, far := range map[float64]bool{505: false, 480: false, 300: true} {
		c, err := CheckRate(bounds, rate, DefaultTolerance)
		if err != nil || c.Far != far || !near(c.Share, rate/500, 1e-9) {
			t.Errorf("%v/s: %+v, %v, want far %v", rate, c, err, far)
		}
	}
	if c, err := CheckRate(nil, 1, 0); err != nil || c.String() != "no bound applies" {
		t.Errorf("without bounds: %v, %v", c, err)
	}
}
