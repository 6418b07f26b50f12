package pod

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// body is what an incarnation lives in: a process, or a life.
type body interface {
	terminate() // terminate asks it to stop, now, and ends a pause.
	giveUp()    // giveUp kills it, as one that did not stop when it was asked to.
	kill()
	loadBegins(at int64)   // loadBegins is to be told what [Spec.Began] has.
	over() <-chan struct{} // over is closed with its end.

	// The caller of these holds the mutex of the roster:
	alive() bool
	snapshot() Incarnation
	used() (cpu time.Duration, memory int64)
}

// roster is the pods of a fleet and all their incarnations.
type roster[B body] struct {
	options Options
	launch  func(Spec) (B, error) // launch begins an incarnation. Its caller holds mu.

	mu      sync.Mutex
	started bool
	closing bool  // no pod starts any more
	began   int64 // began is when the load began, ns on CLOCK_MONOTONIC; 0 before
	seats   []*seat[B]
	all     []B // by Owner-1
}

// fill makes the pods, of which none is started.
func (r *roster[B]) fill() {
	for i := range r.options.Pods + r.options.Spare {
		r.seats = append(r.seats, &seat[B]{roster: r, name: fmt.Sprintf("pod-%d", i+1)})
	}
}

// begin lets pods start; also is called if none could before.
func (r *roster[B]) begin(also func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started || r.closing {
		return errors.New("start fleet: it was started or ended before")
	}
	r.started = true
	also()
	return nil
}

// Begin tells the pods when the load begins, ns on CLOCK_MONOTONIC.
func (r *roster[B]) Begin(at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began = at
	for _, b := range r.living() {
		b.loadBegins(at)
	}
}

// startAll starts every pod that is no spare one.
func (r *roster[B]) startAll(ctx context.Context) error {
	for _, s := range r.seats[:r.options.Pods] {
		if err := s.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// close lets no pod start any more and returns the incarnations that live.
func (r *roster[B]) close() []B {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closing = true
	return r.living()
}

// living are the incarnations that have not ended. The caller holds mu.
func (r *roster[B]) living() (living []B) {
	for _, b := range r.all {
		if b.alive() {
			living = append(living, b)
		}
	}
	return living
}

// stop asks all to stop and returns the pods that have not when ctx ends.
func (r *roster[B]) stop(ctx context.Context) (deaf []string) {
	living := r.close()
	for _, b := range living {
		b.terminate()
	}
	for _, b := range living {
		select {
		case <-b.over():
		case <-ctx.Done():
		}
	}
	for _, b := range living {
		select {
		case <-b.over():
		default:
			deaf = append(deaf, r.record(b).Pod)
		}
	}
	return deaf
}

// record is what is known of an incarnation.
func (r *roster[B]) record(b B) Incarnation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return b.snapshot()
}

// Incarnations are all incarnations so far, by Owner.
func (r *roster[B]) Incarnations() []Incarnation {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Incarnation, 0, len(r.all))
	for _, b := range r.all {
		all = append(all, b.snapshot())
	}
	return all
}

// Usage is what each pod that was started used so far. CPU counts ended incarnations; MaxRSS is
// the largest of all, sampled. Both are 0 where they cannot be told: on some
// systems, and of goroutines. Exit and Stderr are of the last incarnation that ended
// unasked.
func (r *roster[B]) Usage() []harness.PodReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	var reports []harness.PodReport
	for _, s := range r.seats {
		if s.starts == 0 && r.started {
			continue
		}
		report := harness.PodReport{Name: s.name, Incarnations: s.starts}
		for _, b := range r.all {
			in := b.snapshot()
			if in.Pod != s.name {
				continue
			}
			cpu, memory := b.used()
			report.CPU += cpu
			report.MaxRSS = max(report.MaxRSS, memory)
			if in.Down != 0 && !in.Asked {
				report.Exit, report.Stderr = in.Exit, in.Stderr
			}
		}
		reports = append(reports, report)
	}
	return reports
}
