package engine

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/pod"
)

// fleet is the pods of a run: child processes, or goroutines where no other
// process reaches the brokers.
type fleet interface {
	Start(context.Context) error
	AnnounceLoad(at int64)
	Stop(context.Context) (killed []string, err error)
	Kill() error
	Pods() []harness.Pod
	Incarnations() []pod.Incarnation
	Usage() []harness.PodReport
}

func newFleet(o pod.Options) (fleet, error) {
	if o.Config.Dialer != nil {
		f, err := pod.NewLocal(o)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	f, err := pod.NewFleet(o)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Linger is how long the producer lets a record wait for others on the back end:
// in virtual time, where a request costs more than all else, somewhat longer.
func Linger(b harness.Backend) time.Duration {
	if harness.IsVirtual(b) {
		return 10 * time.Millisecond
	}
	return load.Linger
}

// lookEvery is how often the group is looked at on the back end: in virtual time
// looking is what costs, and what is seen a little later is not missed.
func lookEvery(b harness.Backend) time.Duration {
	if harness.IsVirtual(b) {
		return 50 * time.Millisecond
	}
	return observe.PollEvery
}

// clock is that of a run on the back end.
func clock(b harness.Backend) ledger.Clock {
	if harness.IsVirtual(b) {
		return ledger.NewVirtualClock()
	}
	return ledger.NewClock()
}
