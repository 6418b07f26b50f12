package pod

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// ReportSize is how much of the output of a pod a report has, in bytes.
const ReportSize = 4 << 10

// pods are the pods of a fleet, with all their incarnations.
type pods[I instance] struct {
	options Options
	launch  func(Spec) (I, error) // launch starts an incarnation. The caller holds mu.

	mu        sync.Mutex
	started   bool
	closing   bool  // closing: no pod may start any more
	loadStart int64 // loadStart is the start of the load, ns on CLOCK_MONOTONIC; 0 before it is known.
	list      []*pod[I]
	instances []I // by Owner-1

	owners sync.Map // owners has the ledger.Owner of each incarnation by its client id. It is stored to under mu.
}

// createPods makes the pods and starts none of them.
func (ps *pods[I]) createPods() {
	for i := range ps.options.Pods + ps.options.Spare {
		ps.list = append(ps.list, &pod[I]{pods: ps, name: fmt.Sprintf("pod-%d", i+1)})
	}
}

// markStarted allows pods to start, and calls also under the mutex.
func (ps *pods[I]) markStarted(also func()) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.started || ps.closing {
		return errors.New("start fleet: it was started before, or has ended")
	}
	ps.started = true
	also()
	return nil
}

// AnnounceLoad tells the pods when the load starts, ns on CLOCK_MONOTONIC.
func (ps *pods[I]) AnnounceLoad(at int64) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.loadStart = at
	for _, in := range ps.livingInstances() {
		in.announceLoad(at)
	}
}

// startPods starts every pod except the spare ones.
func (ps *pods[I]) startPods(ctx context.Context) error {
	for _, p := range ps.list[:ps.options.Pods] {
		if err := p.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// refuseStarts forbids further starts and returns the instances that run.
func (ps *pods[I]) refuseStarts() []I {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.closing = true
	return ps.livingInstances()
}

// livingInstances are the instances that have not ended. The caller holds mu.
func (ps *pods[I]) livingInstances() (living []I) {
	for _, in := range ps.instances {
		if in.isAlive() {
			living = append(living, in)
		}
	}
	return living
}

// stopInstances asks all instances to stop. It returns the pods that still run
// when ctx ends.
func (ps *pods[I]) stopInstances(ctx context.Context) (unresponsive []string) {
	living := ps.refuseStarts()
	for _, in := range living {
		in.requestStop()
	}
	for _, in := range living {
		select {
		case <-in.endSignal():
		case <-ctx.Done():
		}
	}
	for _, in := range living {
		select {
		case <-in.endSignal():
		default:
			unresponsive = append(unresponsive, ps.recordOf(in).Pod)
		}
	}
	return unresponsive
}

// recordOf is the record of an instance.
func (ps *pods[I]) recordOf(in I) Incarnation {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return in.currentRecord()
}

// Incarnations are the records of all incarnations so far, in the order of Owner.
func (ps *pods[I]) Incarnations() []Incarnation {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	all := make([]Incarnation, 0, len(ps.instances))
	for _, in := range ps.instances {
		all = append(all, in.currentRecord())
	}
	return all
}

// OwnerOf is the owner number of the incarnation with a client id, 0 for none.
func (ps *pods[I]) OwnerOf(client string) ledger.Owner {
	owner, ok := ps.owners.Load(client)
	if !ok {
		ps.mu.Lock() // the incarnation may be starting
		defer ps.mu.Unlock()
		if owner, ok = ps.owners.Load(client); !ok {
			return 0
		}
	}
	return owner.(ledger.Owner)
}

// Usage is what each started pod has used so far. CPU counts incarnations that have
// ended. MaxRSS is the largest of all incarnations, sampled. Both are 0 on systems
// that do not report them, and for goroutines. Exit is the cause of the last
// incarnation that ended unintended, and Stderr an excerpt of its output.
func (ps *pods[I]) Usage() []harness.PodReport {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var reports []harness.PodReport
	for _, p := range ps.list {
		if p.starts == 0 && ps.started {
			continue
		}
		report := harness.PodReport{Name: p.name, Incarnations: p.starts}
		for _, in := range ps.instances {
			record := in.currentRecord()
			if record.Pod != p.name {
				continue
			}
			cpu, memory := in.usedResources()
			report.CPU += cpu
			report.MaxRSS = max(report.MaxRSS, memory)
			report.Survivors = append(report.Survivors, record.Survivors...)
			if record.Down != 0 && !record.Intended {
				report.Exit, report.Stderr = record.Cause, record.Excerpt(ReportSize)
			}
		}
		reports = append(reports, report)
	}
	return reports
}
