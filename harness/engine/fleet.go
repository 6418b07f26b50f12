package engine

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/pod"
)

// fleet is the pods of a run: child processes, or goroutines if no other process can
// reach the brokers.
type fleet interface {
	Start(context.Context) error
	AnnounceLoad(at int64)
	Stop(context.Context) (killed []string, err error)
	Kill() error
	Pods() []harness.Pod
	Incarnations() []pod.Incarnation
	OwnerOf(client string) ledger.Owner
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
