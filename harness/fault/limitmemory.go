package fault

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// LimitMemory gives a pod a limit for its memory: the first in a random order that owns
// partitions. While the fault lasts, the pod is killed each time it uses more, and starts
// again after a while. It affects the partitions that the pod owned. A pod that stays below
// notices nothing. The heal ends the limit, and starts the pod if it is away.
//
// The harness reads the resident memory of the pod's processes every few milliseconds and
// sends SIGKILL. The kernel does the same to a pod of Kubernetes, by a cgroup. A cgroup
// would act at once, and not a few milliseconds late. But it takes root, and it counts
// cached files against the pod, such as its journal. It does not say how much memory a
// process had that it killed. What the harness reads needs no rights, and is the memory
// that the report shows.
type LimitMemory struct {
	Limit int64         // Limit is in bytes of resident memory, in whole MiB.
	Away  time.Duration // Away is how long the pod is away after each kill. 0: 1 s.
}

// memoryReadings is how often the memory of a limited pod is read.
const memoryReadings = 5 * time.Millisecond

// Name implements [harness.Fault].
func (f LimitMemory) Name() string {
	return fmt.Sprintf("limit memory of pod to %d MiB", f.Limit>>20)
}

// Inject implements [harness.Fault].
func (f LimitMemory) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := chooseOwner(ctx, env)
	if err != nil {
		return nil, err
	}
	meter, ok := pod.(harness.MemoryMeter)
	if !ok {
		return nil, fmt.Errorf("%s cannot tell its memory", pod.Name())
	}
	if _, err := meter.ResidentMemory(); err != nil {
		return nil, err
	}
	w := &memoryWatch{fault: f, pod: pod, meter: meter, ended: make(chan struct{})}
	watched, cancel := context.WithCancel(ctx)
	go w.watch(watched)
	env.Check = w.check
	return func(ctx context.Context) error {
		cancel()
		<-w.ended
		return errors.Join(w.failed, restart(pod)(ctx))
	}, nil
}

// Verify checks that the pod was killed with more memory than its limit, or has less.
func (LimitMemory) Verify(ctx context.Context, env *harness.Env) error { return env.Check(ctx) }

// Requires implements [harness.Requirer].
func (LimitMemory) Requires(c harness.Cluster) error { return requireProcesses(c) }

// memoryWatch holds a pod to its limit.
type memoryWatch struct {
	fault  LimitMemory
	pod    harness.Pod
	meter  harness.MemoryMeter
	ended  chan struct{} // closed when the watch is over
	failed error         // why a kill or a start failed; set before ended is closed

	mu    sync.Mutex
	kills []int64 // the memory at each kill
}

// watch kills the pod each time it uses too much memory, until ctx ends.
func (w *memoryWatch) watch(ctx context.Context) {
	defer close(w.ended)
	for sleep(ctx, memoryReadings) {
		// A pod that another fault has ended is that fault's to start.
		used, err := w.meter.ResidentMemory()
		if err != nil || used <= w.fault.Limit {
			continue
		}
		reason := fmt.Sprintf("killed, since it used %s of memory, more than its limit of %s", formatMiB(used), formatMiB(w.fault.Limit))
		if err := w.kill(ctx, reason); err != nil && isRunning(w.pod) {
			w.failed = err
			return
		} else if err != nil {
			continue // it had just ended
		}
		w.mu.Lock()
		w.kills = append(w.kills, used)
		w.mu.Unlock()
		if !sleep(ctx, w.away()) {
			return
		}
		if err := restart(w.pod)(ctx); err != nil && ctx.Err() == nil {
			w.failed = err
			return
		}
	}
}

// kill returns when the pod has ended, also if ctx ends meanwhile: the heal starts only a pod that has.
func (w *memoryWatch) kill(ctx context.Context, reason string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healTimeout)
	defer cancel()
	return w.meter.KillFor(ctx, reason)
}

// away is how long the pod is away after a kill.
func (w *memoryWatch) away() time.Duration {
	if w.fault.Away > 0 {
		return w.fault.Away
	}
	return time.Second
}

// check waits until the pod was killed, or has less memory than its limit at a reading of its own.
func (w *memoryWatch) check(ctx context.Context) error {
	return retryUntil(ctx, func() error {
		w.mu.Lock()
		kills := len(w.kills)
		w.mu.Unlock()
		switch used, err := w.meter.ResidentMemory(); {
		case kills > 0:
			return nil
		case err != nil:
			return err
		case used > w.fault.Limit:
			return fmt.Errorf("%s uses %s and runs", w.pod.Name(), formatMiB(used))
		}
		return nil
	})
}

// formatMiB is a size in MiB.
func formatMiB(bytes int64) string { return fmt.Sprintf("%.4g MiB", float64(bytes)/(1<<20)) }

var _ harness.Requirer = LimitMemory{}

var _ = registerFault(Known{
	Fault: LimitMemory{Limit: 1 << 20}, What: "A pod is killed each time it uses more memory than its limit, and starts again. This limit is less than any pod needs.",
	By: "SIGKILL after a look at its memory every 5 ms", Removes: APod, Lasts: between(2*time.Second, 2),
}, Known{
	Fault: LimitMemory{Limit: 56 << 20}, What: "The same with a limit that is enough for a window of records.",
	By: "SIGKILL after a look at its memory every 5 ms", Removes: APod, LeftOut: "a pod that stays below its limit notices nothing",
})
