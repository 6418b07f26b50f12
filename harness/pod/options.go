package pod

import (
	"fmt"
	"path/filepath"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// Options configure a fleet.
type Options struct {
	Implementation string         // Implementation is the registered name of the consumer.
	Config         harness.Config // Config of every pod; Pod, InstanceID and Incarnation are filled in.
	Service        string         // Service, Failures, Slowdown, Prepare, Seed, Repeat and Run are as in [Spec].
	Failures       harness.Failures
	Slowdown       harness.Slowdown
	Prepare        float64
	Topics         []string // Topics are the topics of the run, by their number in the ledger.
	Partitions     int
	Keyless        bool
	Seed           uint64
	Repeat         int
	Run            uint64
	Pods           int          // Pods is their number, at least 1.
	Spare          int          // Spare is the number of additional pods, which start only when their Start is called.
	Dir            string       // Dir is the folder for the journals, one per incarnation.
	Clock          ledger.Clock // Clock stamps starts and ends.

	// OpenFront opens the network of each incarnation by its client id. nil: all have
	// Config.Seeds. Pods that are goroutines have none.
	OpenFront func(clientID string) (harness.Front, error)

	// Exited is called for each incarnation that ended unintended. Stop and Kill wait
	// for the call, so it must not call them. May be nil.
	Exited func(Incarnation)
}

// validateOptions checks the options and finds the consumer.
func (o *Options) validateOptions() (*harness.Implementation, error) {
	implementation, err := harness.FindImplementation(o.Implementation)
	if err != nil {
		return nil, fmt.Errorf("new fleet: %w", err)
	}
	if _, err := load.ParseService(o.Service); err != nil {
		return nil, fmt.Errorf("new fleet: %w", err)
	}
	if o.Pods < 1 || o.Spare < 0 {
		return nil, fmt.Errorf("new fleet: %d pods, %d spare, want at least 1 and 0", o.Pods, o.Spare)
	}
	return implementation, nil
}

// specFor is the specification of the n-th incarnation of a pod.
func (o *Options) specFor(pod, instanceID string, n int, owner ledger.Owner) Spec {
	cfg := o.Config
	cfg.Pod, cfg.InstanceID, cfg.Incarnation = pod, instanceID, n
	return Spec{
		Implementation: o.Implementation, Config: cfg,
		Service: o.Service, Failures: o.Failures, Slowdown: o.Slowdown, Prepare: o.Prepare, Seed: o.Seed, Repeat: o.Repeat, Run: o.Run, Topics: o.Topics, Partitions: o.Partitions, Keyless: o.Keyless,
		Journal: filepath.Join(o.Dir, cfg.ClientID()+".journal"),
		Owner:   owner,
	}
}
