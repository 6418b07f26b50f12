package consumers_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// effects is what the work saw and did.
type effects struct {
	mu       sync.Mutex
	changed  sync.Cond
	before   func(ctx context.Context, pod string, r *harness.Record) error // before an effect; an error is the work's
	times    map[string]int                                                 // times by value
	pods     map[string]int                                                 // effects by pod
	newest   map[string]int                                                 // newest record by key
	offset   map[int32]int64                                                // newest offset by partition
	open     map[string][]string                                            // pods with an attempt under way, by key
	repeated int
	polled   map[string]bool            // polled has the positions that polls returned, by pod
	unpolled []string                   // unpolled has those that were worked on without that
	died     error                      // died says that a pod ended by itself
	faults   map[harness.Order][]string // faults against an order claimed
}

func newEffects() *effects {
	e := &effects{
		times: map[string]int{}, pods: map[string]int{}, newest: map[string]int{}, offset: map[int32]int64{},
		open: map[string][]string{}, faults: map[harness.Order][]string{}, polled: map[string]bool{},
	}
	e.changed.L = &e.mu
	return e
}

type podWork struct {
	*effects
	pod string
}

func (p podWork) Do(ctx context.Context, r *harness.Record) error {
	return p.attempt(ctx, func(yield func(*harness.Record) bool) { yield(r) })
}

// Prepare makes the work one of which a part can be done ahead.
func (p podWork) Prepare(ctx context.Context, r *harness.Record) error {
	r.Prepared = ctx.Err() == nil
	return ctx.Err()
}

// DoBatch makes the work one that takes several records at once, all or none.
func (p podWork) DoBatch(ctx context.Context, records []harness.Record) error {
	return p.attempt(ctx, func(yield func(*harness.Record) bool) {
		for i := range records {
			if !yield(&records[i]) {
				return
			}
		}
	})
}

// attempt is one call of the work for records of one key.
func (p podWork) attempt(ctx context.Context, records iter.Seq[*harness.Record]) error {
	e, key := p.effects, ""
	for r := range records {
		if key != "" && key != string(r.Key) {
			e.mu.Lock()
			e.fault(harness.OrderNone, "keys %s and %s in one call", key, r.Key)
			e.mu.Unlock()
		}
		key = string(r.Key)
	}
	e.mu.Lock()
	before := e.before
	if e.open[key] = append(e.open[key], p.pod); len(e.open[key]) > 1 {
		for _, order := range []harness.Order{harness.OrderKey, harness.OrderPartition} {
			e.fault(order, "%s: attempts at once by %v", key, e.open[key])
		}
	}
	e.mu.Unlock()

	var err error
	for r := range records {
		p.checkPolled(r)
		if before != nil && err == nil {
			err = before(ctx, p.pod, r)
		}
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.changed.Broadcast()
	at := slices.Index(e.open[key], p.pod)
	e.open[key] = slices.Delete(e.open[key], at, at+1)
	for r := range records {
		if err == nil {
			p.effect(key, r)
		}
	}
	return err
}

// notePoll implements [harness.Config.Polled].
func (p podWork) notePoll(topic string, partition int32, from, to int64) {
	p.effects.mu.Lock()
	defer p.effects.mu.Unlock()
	for offset := from; offset < to; offset++ {
		p.effects.polled[p.position(topic, partition, offset)] = true
	}
}

// checkPolled notes a record that no poll of the pod was said to have returned.
func (p podWork) checkPolled(r *harness.Record) {
	p.effects.mu.Lock()
	defer p.effects.mu.Unlock()
	if at := p.position(r.Topic, r.Partition, r.Offset); !p.effects.polled[at] {
		p.effects.unpolled = append(p.effects.unpolled, at)
	}
}

func (p podWork) position(topic string, partition int32, offset int64) string {
	return fmt.Sprintf("%s: %s/%d/%d", p.pod, topic, partition, offset)
}

// effect counts one effect. The caller holds mu.
func (p podWork) effect(key string, r *harness.Record) {
	e, value := p.effects, string(r.Value)
	e.pods[p.pod]++
	if e.times[value]++; e.times[value] > 1 {
		e.repeated++
		return
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		e.fault(harness.OrderNone, "value %q", value)
	}
	if last, ok := e.newest[key]; ok && n < last {
		e.fault(harness.OrderKey, "%s: record %d after %d", key, n, last)
	}
	if last, ok := e.offset[r.Partition]; ok && r.Offset < last {
		e.fault(harness.OrderPartition, "partition %d: offset %d after %d", r.Partition, r.Offset, last)
	}
	e.newest[key], e.offset[r.Partition] = n, r.Offset
}

func (e *effects) fault(against harness.Order, format string, args ...any) {
	e.faults[against] = append(e.faults[against], fmt.Sprintf(format, args...))
}

// await waits until ok, which sees the effects under their lock.
func (w *world) await(what string, ok func(e *effects) bool) {
	w.Helper()
	e := w.effects
	late := time.AfterFunc(patience, e.changed.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(patience)
	e.mu.Lock()
	defer e.mu.Unlock()
	for !ok(e) {
		if e.died != nil {
			w.Fatal(e.died)
		}
		if !time.Now().Before(deadline) {
			w.Fatalf("%s: not within %v; %d of %d records done, by pod %v\n%s", what, patience, len(e.times), w.sent, e.pods, w.goroutines())
		}
		e.changed.Wait()
	}
}

// delivered waits until every record had its effect.
func (w *world) delivered() {
	w.Helper()
	w.await("all delivered", func(e *effects) bool { return len(e.times) == w.sent })
}

// asClaimed holds the order of effects to what the implementation promises.
func (w *world) asClaimed(i *harness.Implementation) {
	w.Helper()
	w.effects.mu.Lock()
	defer w.effects.mu.Unlock()
	held := []harness.Order{harness.OrderNone, i.Order}
	if i.Control() {
		held = held[:1]
	}
	for _, order := range held {
		if faults := w.effects.faults[order]; len(faults) > 0 {
			w.Errorf("%d faults against order %s, the first: %s", len(faults), order, faults[0])
		}
	}
}

// repeats holds the number of repeated effects to a bound.
func (w *world) repeats(most int) {
	w.Helper()
	w.effects.mu.Lock()
	defer w.effects.mu.Unlock()
	if w.effects.repeated > most {
		w.Errorf("%d effects are repeats, at most %d are to be expected", w.effects.repeated, most)
	}
}

// pollsTold holds a consumer to saying which records its polls returned, before it works on them.
func (w *world) pollsTold() {
	w.Helper()
	w.effects.mu.Lock()
	defer w.effects.mu.Unlock()
	if n := len(w.effects.unpolled); n > 0 {
		w.Errorf("%d records were worked on without a call of Config.Polled, the first at %s", n, w.effects.unpolled[0])
	}
}

// stuck is work that does not end before it is let go, or its context ends.
func stuck(ctx context.Context, release <-chan struct{}) error {
	select {
	case <-release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
