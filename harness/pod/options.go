package pod

import (
	"fmt"
	"path/filepath"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// Options say what a fleet runs.
type Options struct {
	Implementation string         // Implementation is the registered name of the consumer.
	Config         harness.Config // Config of every pod; Pod and Incarnation are filled in.
	Service        string         // Service, Failures, Slowdown, Prepare, Seed, Repeat and Run are as in [Spec].
	Failures       harness.Failures
	Slowdown       harness.Slowdown
	Prepare        float64
	Topics         []string // Topics are those of the run, by their number in the ledger.
	Seed           uint64
	Repeat         int
	Run            uint64
	Pods           int          // Pods is their number, at least 1.
	Spare          int          // Spare are pods beside those, which start only when their Start is called.
	Dir            string       // Dir is a folder for the journals, one an incarnation.
	Clock          ledger.Clock // Clock stamps the ups and downs.

	// Exited is called for each incarnation that ended unasked, from a goroutine
	// of the fleet that Stop and Kill wait for: it must not call them. May be nil.
	Exited func(Incarnation)
}

// check looks whether a fleet can be made, and finds its consumer.
func (o *Options) check() (*harness.Implementation, error) {
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

// spec is what the n-th incarnation of a pod is told.
func (o *Options) spec(pod string, n int, owner ledger.Owner) Spec {
	cfg := o.Config
	cfg.Pod, cfg.Incarnation = pod, n
	return Spec{
		Implementation: o.Implementation, Config: cfg,
		Service: o.Service, Failures: o.Failures, Slowdown: o.Slowdown, Prepare: o.Prepare, Seed: o.Seed, Repeat: o.Repeat, Run: o.Run, Topics: o.Topics,
		Journal: filepath.Join(o.Dir, cfg.ClientID()+".journal"),
		Owner:   owner,
	}
}
