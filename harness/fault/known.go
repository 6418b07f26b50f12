package fault

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Known is a fault as FAULTS.md, random schedules and the tests of all faults know it.
type Known struct {
	Fault harness.Fault
	What  string // What happens and how it ends, in one sentence.
	By    string // By is what makes it happen: a signal, an API of Kafka, a rule on the wire.

	// Removes is what is missing while the fault lasts, and a session longer.
	Removes Resource
	// Lasts are the shortest and the longest time that the fault lasts in a random
	// schedule. nil: random schedules leave it out, and LeftOut says why.
	Lasts   func(session time.Duration) (least, most time.Duration)
	LeftOut string

	// Scenario changes a calm scenario of three pods so that the fault can take effect at
	// [InjectedAt], as by spare pods. May be nil.
	Scenario func(*harness.Scenario)
	Consumer string // Consumer is one that the fault can affect. "": any.
}

// InjectedAt is when a fault is injected in the scenario that its entry changes.
const InjectedAt = 8 * time.Second

// Resource is what a fault takes away while it lasts. A random schedule leaves enough of
// each.
type Resource int

// The resources of a run.
const (
	ANetwork  Resource = iota // ANetwork is what clients and brokers say to each other.
	ABroker                   // ABroker is one node.
	APod                      // APod is one of the pods that run from the start.
	ASpare                    // ASpare is one of the spare pods.
	AProducer                 // AProducer is the producer.
	ATopic                    // ATopic is the topic or the group of the run.
)

var known []Known

// registerFault adds a fault to the known ones. The file of each fault calls it for a
// package variable, with one entry for each variant that is worth a row in FAULTS.md.
func registerFault(entries ...Known) bool {
	for _, k := range entries {
		if slices.ContainsFunc(known, func(other Known) bool { return other.Fault.Name() == k.Fault.Name() }) {
			panic(fmt.Sprintf("register fault %q: the name is registered already", k.Fault.Name()))
		}
		known = append(known, k)
	}
	return true
}

// All are the known faults by name.
func All() []Known {
	return slices.SortedFunc(slices.Values(known), func(a, b Known) int { return cmp.Compare(a.Fault.Name(), b.Fault.Name()) })
}

// CheckSupport returns why clusters like this one cannot have the fault, or nil. The cluster
// need not be started.
func (k Known) CheckSupport(c harness.Cluster) error {
	if r, ok := k.Fault.(harness.Requirer); ok {
		return r.Requires(c)
	}
	return nil
}

// requireAbility returns an error if a cluster lacks the ability T, which lets it do something.
func requireAbility[T any](c harness.Cluster, do string) error {
	if _, ok := c.(T); !ok {
		return errors.New("this back end cannot " + do)
	}
	return nil
}

// alone changes nothing: the fault gets a run of its own.
func alone(*harness.Scenario) {}

// between is how long a fault lasts: from a fixed time to a number of sessions.
func between(least time.Duration, sessions float64) func(time.Duration) (time.Duration, time.Duration) {
	return func(session time.Duration) (time.Duration, time.Duration) {
		return least, max(least, time.Duration(sessions*float64(session)))
	}
}
