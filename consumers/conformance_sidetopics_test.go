package consumers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What conformance asks of designs that copy records to topics of their own.

// A record that never succeeds becomes a dead letter, no sooner than the design says,
// and no other record waits for it for ever.
func recordThatKeepsFailingBecomesADeadLetter(w *world, i *harness.Implementation, p harness.Protocol) {
	const sick = "17"
	tries := w.failing(sick, errors.New("no"))
	w.send(2000) // more than the window has room for
	pod := w.start(i, w.config("a", p))
	letters := w.copies(sidesOf(i, harness.RoleDeadLetter)[0], 1)
	w.await("all others delivered", func(e *effects) bool { return len(e.times) == w.sent-1 })
	w.committed()
	pod.leave()
	w.asClaimed(i)
	w.repeats(0)
	if least := i.DeadLetterPolicyOf(harness.Config{Knobs: defaults(i)}).MinAttempts(); tries() < least {
		w.Errorf("given up after %d tries: it says at least %d", tries(), least)
	}
	if len(letters) != 1 || string(letters[0].Value) != sick || string(letters[0].Key) != "key-17" {
		w.Errorf("dead letters %v, want record %s", letters, sick)
	}
	w.noGoroutines()
}

// Of a record that can never succeed one try is enough.
func poisonBecomesADeadLetterAtOnce(w *world, i *harness.Implementation, p harness.Protocol) {
	tries := w.failing("17", fmt.Errorf("work: %w", harness.ErrPoison))
	w.send(100)
	pod := w.start(i, w.config("a", p))
	letters := w.copies(sidesOf(i, harness.RoleDeadLetter)[0], 1)
	w.await("all others delivered", func(e *effects) bool { return len(e.times) == w.sent-1 })
	w.committed()
	pod.leave()
	w.asClaimed(i)
	w.repeats(0)
	if len(letters) != 1 || tries() != 1 {
		w.Errorf("%d tries and %d dead letters of a poison record, want one of each", tries(), len(letters))
	}
	w.noGoroutines()
}

// Work that does not end is waited for as long as the window has room, and cancelled
// when it has none; the next of its key begins no sooner.
func stuckWorkIsCancelledOnceItHoldsUpTheWindow(w *world, i *harness.Implementation, p harness.Protocol) {
	const sick = "17"
	const limit = time.Second // as the knob comes
	var began, ended atomic.Int64
	w.effects.before = func(ctx context.Context, _ string, r *harness.Record) error {
		if string(r.Value) != sick {
			return nil
		}
		began.CompareAndSwap(0, time.Now().UnixNano())
		<-ctx.Done()
		ended.Store(time.Now().UnixNano())
		return ctx.Err()
	}
	w.send(keys) // room for all
	pod := w.start(i, w.config("a", p))
	w.await("all others delivered", func(e *effects) bool { return len(e.times) == w.sent-1 })
	w.until(func() bool { return began.Load() > 0 && time.Now().UnixNano() > began.Load()+int64(2*limit) }, func() string { return "the work to be at it for two limits" })
	if ended.Load() != 0 {
		w.Error("cancelled while the window had room")
	}
	w.send(2000)
	letters := w.copies(sidesOf(i, harness.RoleDeadLetter)[0], 1)
	w.await("all others delivered", func(e *effects) bool { return len(e.times) == w.sent-1 })
	w.committed()
	pod.leave()
	w.asClaimed(i)
	w.repeats(0)
	if len(letters) != 1 || string(letters[0].Value) != sick {
		w.Errorf("dead letters %v, want record %s", letters, sick)
	}
	w.noGoroutines()
}

// failing has the work on a record fail, and counts the tries.
func (w *world) failing(value string, err error) (tries func() int) {
	var n atomic.Int32
	w.effects.before = func(_ context.Context, _ string, r *harness.Record) error {
		if string(r.Value) != value {
			return nil
		}
		n.Add(1)
		return err
	}
	return func() int { return int(n.Load()) }
}

// No try begins before the delay of its tier is over, and none long after.
func retryBeginsWhenItIsDue(w *world, i *harness.Implementation, p harness.Protocol) {
	waits := map[string]time.Duration{sideName("retry-1"): 100 * time.Millisecond, sideName("retry-2"): 300 * time.Millisecond, sideName("retry-3"): time.Second}
	retried := map[string]int{}
	w.effects.before = func(_ context.Context, _ string, r *harness.Record) error {
		w.effects.mu.Lock()
		defer w.effects.mu.Unlock()
		w.due(r, waits)
		retried[r.Topic]++
		if r.Value[len(r.Value)-1] == '7' && r.Topic != sideName("retry-3") {
			return errors.New("not yet")
		}
		return nil
	}
	w.send(200)
	pod := w.start(i, w.config("a", p))
	w.delivered()
	w.committed()
	pod.leave()
	w.asClaimed(i)
	w.repeats(0)
	for topic := range waits {
		if retried[topic] != 20 {
			w.Errorf("%d tries in %s, want 20", retried[topic], topic)
		}
	}
	w.noGoroutines()
}

// due holds the work on a copy that waits for a delay from its stamp on to begin no sooner,
// and not long after. The caller holds the lock of the effects.
func (w *world) due(r *harness.Record, waits map[string]time.Duration) {
	const patience = 300 * time.Millisecond
	if delay, is := waits[r.Topic]; is {
		if waited := time.Since(r.Timestamp); waited < delay || waited > delay+patience {
			w.effects.fault(harness.OrderNone, "a copy in %s is worked on %v after it was made, want %v", r.Topic, waited, delay)
		}
	}
}

// No record is worked on before the delay of its level is over, none long after, and
// none anywhere else; the level is the one that the record names, or its key's.
func recordIsWorkedOnWhenItIsDue(w *world, i *harness.Implementation, p harness.Protocol) {
	waits := map[string]time.Duration{sideName("delay-100ms"): 100 * time.Millisecond, sideName("delay-500ms"): 500 * time.Millisecond, sideName("delay-1s"): time.Second}
	levels, named := map[string]map[string]bool{}, 0 // levels by key
	w.effects.before = func(_ context.Context, _ string, r *harness.Record) error {
		w.effects.mu.Lock()
		defer w.effects.mu.Unlock()
		if waits[r.Topic] == 0 {
			w.effects.fault(harness.OrderNone, "record %s is worked on in %s", r.Value, r.Topic)
		}
		w.due(r, waits)
		for _, h := range r.Headers {
			if named++; sideName("delay-"+string(h.Value)) != r.Topic {
				w.effects.fault(harness.OrderNone, "record %s names %s and is in %s", r.Value, h.Value, r.Topic)
			}
		}
		if len(r.Headers) == 0 {
			if levels[string(r.Key)] == nil {
				levels[string(r.Key)] = map[string]bool{}
			}
			levels[string(r.Key)][r.Topic] = true
		}
		return nil
	}
	pod := w.start(i, w.config("a", p))
	w.send(100)
	w.send(100, kgo.RecordHeader{Key: "delay", Value: []byte("500ms")})
	w.send(100)
	w.delivered()
	w.committed()
	pod.leave()
	w.asClaimed(i)
	w.repeats(0)
	used := map[string]bool{}
	for key, topics := range levels {
		if len(topics) != 1 {
			w.Errorf("%s is in %d levels", key, len(topics))
		}
		maps.Copy(used, topics)
	}
	if len(used) != len(waits) || named != 100 {
		w.Errorf("%d of %d levels are used, and %d of 100 records had the level that they name", len(used), len(waits), named)
	}
	w.noGoroutines()
}
