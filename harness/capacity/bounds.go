package capacity

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// The names of the bounds.
const (
	BoundWorkers   = "workers"           // BoundWorkers: all workers of all pods that can get work.
	BoundPod       = "fullest pod"       // BoundPod: the pod with the fullest partitions.
	BoundKey       = "hot key"           // BoundKey: the key with the most work.
	BoundQueue     = "fullest queue"     // BoundQueue: the fullest hash queue of all pods.
	BoundPartition = "fullest partition" // BoundPartition: the partition with the most work.
	BoundWindow    = "window"            // BoundWindow: what pods may have fetched and not finished.
	BoundCPU       = "CPU"               // BoundCPU: the processors that all pods share.
	BoundClient    = "raw client"        // BoundClient: clients without work.
)

// Bound is the highest rate of the whole load at which one resource keeps up. From its first
// record to its last, no load is completed faster. While a resource falls behind, others that do
// not wait for it may complete more than that for a time.
//
// The bounds are those of work that succeeds, of one owner for each partition, and of pods that
// run. They are the operational laws: utilisation, and Little's law for the window (Denning and
// Buzen, The Operational Analysis of Queueing Network Models, 1978).
type Bound struct {
	Name     string  `json:"name"`     // Name is one of the constants, as BoundKey.
	Resource string  `json:"resource"` // Resource is the one that is full first, as "key 0".
	Rate     float64 `json:"rate_per_s"`
	// Least and Most are the rates with the worst and the best luck where chance decides: which
	// partitions share a pod, and which keys a queue. Rate is the median then. Without chance all
	// three are the same.
	Least float64 `json:"least_per_s"`
	Most  float64 `json:"most_per_s"`
	// Share of the records that the resource works on, in [0,1]: all of them for workers and windows.
	Share float64 `json:"share"`
	// Variation is the squared coefficient of variation of the work that comes to the resource: of
	// its arrivals, at random among all records, and of the work of each.
	Variation float64 `json:"variation"`
	// Serial: the resource works on one record at a time.
	Serial bool `json:"serial,omitempty"`
	// Why is the bound in words: "20 % of the records on key 0 at 10ms cannot pass 500/s".
	Why string `json:"why"`
	// Void is why the bound does not apply to the design. It has no rate then. "": it applies.
	Void string `json:"void,omitempty"`
}

// String names what limits: "bound by the hot key: ...".
func (b Bound) String() string {
	if b.Void != "" {
		return fmt.Sprintf("not bound by the %s: %s", b.Name, b.Void)
	}
	return fmt.Sprintf("bound by the %s: %s", b.Name, b.Why)
}

// Bounds are the bounds of a system, the tightest first, and at the end those that do not apply
// to its design. A resource that no work occupies has none.
func Bounds(y System) []Bound {
	all := []Bound{y.boundWorkers(), y.boundPod(), y.boundUnit(), y.boundWindow(), y.boundCPU(), y.boundClient()}
	all = slices.DeleteFunc(all, func(b Bound) bool { return b.Name == "" })
	slices.SortStableFunc(all, func(a, b Bound) int {
		return cmp.Or(cmp.Compare(len(a.Void), len(b.Void)), cmp.Compare(a.Rate, b.Rate))
	})
	return all
}

// Tightest is the bound with the lowest rate. ok is false where no bound applies.
func Tightest(bounds []Bound) (b Bound, ok bool) {
	return tightestOf(bounds, func(Bound) bool { return true })
}

// TightestSerial is the tightest bound of a resource that works on one record at a time.
func TightestSerial(bounds []Bound) (b Bound, ok bool) {
	return tightestOf(bounds, func(b Bound) bool { return b.Serial })
}

func tightestOf(bounds []Bound, counts func(Bound) bool) (tightest Bound, ok bool) {
	for _, b := range bounds {
		if b.Void == "" && counts(b) && (!ok || b.Rate < tightest.Rate) {
			tightest, ok = b, true
		}
	}
	return tightest, ok
}

// Utilisation is the share of its time that the bound's resource works under a rate, 0 for a
// bound that does not apply.
func (b Bound) Utilisation(rate float64) float64 {
	if b.Void != "" {
		return 0
	}
	return rate / b.Rate
}

// boundWorkers is that of all workers. A pod without a partition has no work.
func (y *System) boundWorkers() Bound {
	pods := y.activePods()
	workers := pods * y.Design.Workers
	why := fmt.Sprintf("%s of %s", count(workers, "worker"), count(pods, "pod"))
	if idle := y.Pods - pods; idle > 0 {
		why += fmt.Sprintf(" (%s of %d get no partition)", count(idle, "pod"), y.Pods)
	}
	b := y.boundOf(BoundWorkers, fmt.Sprintf("all %s", count(workers, "worker")), certainly(UnitLoad{y.Shape.Counted, y.Shape.Work}), float64(workers)*y.batch(), 1)
	return b.explain("%s at %s%s", why, y.meanWork(y.Shape.Work, y.Shape.Counted, 1), y.describeBatch())
}

// boundPod is that of the pod whose partitions have the most work.
func (y *System) boundPod() Bound {
	if y.Design.Elsewhere {
		return Bound{Name: BoundPod, Void: "another pod than the owner of its partition may work on a record"}
	}
	if y.activePods() < 2 {
		return Bound{}
	}
	c := y.drawFullestPods()
	b := y.boundOf(BoundPod, "the fullest pod", c, float64(y.Design.Workers)*y.batch(), 1)
	b.Serial = y.Design.Workers == 1 && b.Name != ""
	return b.explain("%s of the records on one pod with %s at %s%s", percent(y.Shape.ShareOf(c.usual)), count(y.Design.Workers, "worker"), y.meanWork(c.usual.Work, c.usual.Records, 1), y.describeBatch())
}

// boundUnit is that of the fullest unit that the design works on one record at a time.
func (y *System) boundUnit() Bound {
	switch y.Design.Serial.Unit {
	case harness.SerialKey:
		k, _ := y.Shape.HottestKey()
		return y.boundSerial(BoundKey, nameOf("key", int(k.Key)), certainly(k.UnitLoad))
	case harness.SerialPartition:
		p, u := y.Shape.FullestPartition()
		return y.boundSerial(BoundPartition, nameOf("partition", p), certainly(u))
	case harness.SerialQueue:
		return y.boundSerial(BoundQueue, "the fullest queue of a pod", y.drawFullestQueues())
	}
	return Bound{Name: BoundKey, Void: "no record waits for another one"}
}

func (y *System) boundSerial(name, resource string, c chance) Bound {
	s := y.Design.Serial
	ways := float64(max(1, s.Ways)) * y.batch()
	b := y.boundOf(name, resource, c, ways, y.serialPart())
	b.Serial = b.Name != ""
	more := y.describeBatch()
	if s.Ways > 1 {
		more += fmt.Sprintf(", split over %d queues,", s.Ways)
	}
	if s.Prepares {
		more += ", which is what the design does not prepare,"
	}
	return b.explain("%s of the records on %s at %s%s", percent(y.Shape.ShareOf(c.usual)), resource, y.meanWork(c.usual.Work, c.usual.Records, y.serialPart()), more)
}

// boundWindow is Little's law: as many records as pods may have fetched and not finished, over
// the time that a record stays.
func (y *System) boundWindow() Bound {
	stay, word := y.Residence, "a stay of"
	if stay == 0 {
		stay, word = y.meanWork(y.Shape.Work, y.Shape.Counted, 1), "at least the work of"
	}
	if stay <= 0 {
		return Bound{}
	}
	if y.Design.Buffer == 0 {
		return Bound{Name: BoundWindow, Void: "the design declares no limit of what it buffers"}
	}
	pods := y.activePods()
	b := newCertainBound(BoundWindow, "the windows of all pods", float64(pods*y.Design.Buffer)/stay.Seconds())
	return b.explain("%s with at most %d records each, and %s %v,", count(pods, "pod"), y.Design.Buffer, word, stay)
}

func (y *System) boundCPU() Bound {
	if y.Cores <= 0 || y.CPU <= 0 {
		return Bound{}
	}
	return newCertainBound(BoundCPU, "the processors", y.Cores/y.CPU.Seconds()).explain("%.4g cores at %v a record", y.Cores, y.CPU)
}

func (y *System) boundClient() Bound {
	if y.Client <= 0 {
		return Bound{}
	}
	return newCertainBound(BoundClient, "the clients", y.Client).explain("clients without work")
}

func newCertainBound(name, resource string, rate float64) Bound {
	return Bound{Name: name, Resource: resource, Rate: rate, Least: rate, Most: rate, Share: 1}
}

// boundOf is the bound of a unit that does so many records at a time, and that does a part of
// their work. It is empty without work.
func (y *System) boundOf(name, resource string, c chance, atOnce, part float64) Bound {
	if c.usual.Work <= 0 {
		return Bound{}
	}
	share := y.Shape.ShareOf(c.usual)
	return Bound{
		Name: name, Resource: resource, Rate: y.rateOf(c.usual, atOnce, part),
		Least: y.rateOf(c.most, atOnce, part), Most: y.rateOf(c.least, atOnce, part),
		Share: share, Variation: 1 - share + y.Shape.WorkVariation(),
	}
}

// rateOf is the rate of the whole load at which a unit is always busy, in records/s.
func (y *System) rateOf(u UnitLoad, atOnce, part float64) float64 {
	return float64(y.Shape.Counted) * atOnce / (u.Work.Seconds() * y.stretch() * part)
}

// meanWork is the mean work of some records as achieved, in full microseconds.
func (y *System) meanWork(work time.Duration, records uint64, part float64) time.Duration {
	if records == 0 {
		return 0
	}
	return time.Duration(float64(work) * y.stretch() * part / float64(records)).Round(time.Microsecond)
}

func (y *System) describeBatch() string {
	if y.batch() == 1 {
		return ""
	}
	return fmt.Sprintf(" for up to %v", y.batch())
}

// explain adds the sentence, which ends in the rate. It leaves an empty bound empty.
func (b Bound) explain(format string, args ...any) Bound {
	if b.Name == "" {
		return b
	}
	b.Why = fmt.Sprintf(format, args...) + fmt.Sprintf(" cannot pass %s/s", formatRate(b.Rate))
	return b
}

func formatRate(rate float64) string {
	if rate >= 1000 {
		return fmt.Sprintf("%.0f", rate)
	}
	return fmt.Sprintf("%.3g", rate)
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

// nameOf is "partition 7".
func nameOf(what string, number int) string { return fmt.Sprintf("%s %d", what, number) }

// count is "1 pod", "2 pods".
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
