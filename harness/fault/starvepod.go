package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// StarvePod lets a pod have a share of one processor and no more: the first in a random order
// that owns partitions. It affects these partitions. In each tenth of a second the pod runs for
// its share of the time. Then it stands still, as under a CPU quota. Its heartbeats, its commits
// and its work come late. Whether it stays in its group depends on its share. The heal lets it
// run on.
//
// The pod is stopped and continued by signals. That takes no root and no cgroup. A CPU quota
// would stop only a pod that wants more than its share, and most consumers wait nearly all
// the time. A busy host lets those wait too.
type StarvePod struct {
	Share float64 // Share is of one processor, above 0 and below 1. 0: 0.05.
}

// Name implements [harness.Fault].
func (f StarvePod) Name() string {
	return fmt.Sprintf("starve pod to %.0f percent of a CPU", 100*f.share())
}

func (f StarvePod) share() float64 {
	if f.Share > 0 {
		return f.Share
	}
	return 0.05
}

// Inject implements [harness.Fault].
func (f StarvePod) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	pod, err := chooseOwner(ctx, env)
	if err != nil {
		return nil, err
	}
	limiter, ok := pod.(harness.CPULimiter)
	if !ok {
		return nil, fmt.Errorf("%s cannot have less than a processor", pod.Name())
	}
	before, err := limiter.CPUTime()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	lift, err := limiter.LimitCPU(f.share())
	if err != nil {
		return nil, err
	}
	env.Check = func(ctx context.Context) error {
		w := starvationWatch{limiter: limiter, share: f.share(), began: began, before: before}
		return w.check(ctx)
	}
	return func(context.Context) error { lift(); return nil }, nil
}

// Verify checks that the pod stands still most of the time, and has used no more than its share
// since the injection. Neither is a proof alone: a pod without work uses little, and one that
// runs on many threads between its stops uses much.
func (StarvePod) Verify(ctx context.Context, env *harness.Env) error { return env.Check(ctx) }

// Requires implements [harness.Requirer].
func (StarvePod) Requires(c harness.Cluster) error { return requireProcesses(c) }

// starvationWatch looks at a starved pod.
type starvationWatch struct {
	limiter harness.CPULimiter
	share   float64
	began   time.Time
	before  time.Duration // before is the CPU time that the pod had used at the injection.

	looks, stopped int
}

const (
	lookEvery = 7 * time.Millisecond // in no step with the periods of the limit
	// A busy host leaves time for few looks until the heal. Then the fewest have to do.
	looksEnough, looksLeast = 40, 10
	// cpuSlack is what a pod may use beyond its share: what all its threads use in one slice
	// that a busy host makes longer.
	cpuSlack = 100 * time.Millisecond
)

// check looks until the pod is starved, or ctx ends.
func (w *starvationWatch) check(ctx context.Context) error {
	for {
		w.looks++
		if w.limiter.Stopped() {
			w.stopped++
		}
		if w.looks >= looksEnough && w.judge() == nil {
			return nil
		}
		if !sleep(ctx, lookEvery) {
			return w.judge()
		}
	}
}

func (w *starvationWatch) judge() error {
	used, err := w.limiter.CPUTime()
	if err != nil {
		return err
	}
	used, lasted := used-w.before, time.Since(w.began)
	switch most := time.Duration(w.share*float64(lasted)) + cpuSlack; {
	case w.looks < looksLeast:
		return fmt.Errorf("%d looks are too few", w.looks)
	case used > most:
		return fmt.Errorf("it used %v of CPU time in %v, and its share is %v", used, lasted, most)
	case 2*w.stopped < w.looks:
		return fmt.Errorf("it stood still at %d of %d looks", w.stopped, w.looks)
	}
	return nil
}

var _ harness.Requirer = StarvePod{}

var _ = registerFault(Known{
	Fault: StarvePod{}, What: "A pod runs for 5 of each 100 ms.", By: "SIGSTOP and SIGCONT",
	Removes: APod, Lasts: between(2*time.Second, 2),
})
