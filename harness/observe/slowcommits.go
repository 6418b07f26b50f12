package observe

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// SlowCommit is a request of a pod to commit, to which the broker took at least [SlowAnswer] to
// respond.
type SlowCommit struct {
	Got, Answered int64 // Got is when the broker got it, and Answered when it responded, ns on CLOCK_MONOTONIC.
}

// SlowAnswer is from which time on a [Watcher] notes how long the response to a commit took.
const SlowAnswer = time.Second

// noteSlowCommit notes a request to commit that took the broker long. The caller holds mu.
func (w *Watcher) noteSlowCommit(x harness.Exchange) {
	if x.APIKey == int16(kmsg.OffsetCommit) && x.Answered-x.Got >= int64(SlowAnswer) {
		w.slow = append(w.slow, SlowCommit{x.Got, x.Answered})
	}
}

// SlowCommits returns the slow commits so far, in the order of their responses. A cluster
// without a view of the wire has none.
func (w *Watcher) SlowCommits() []SlowCommit {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.slow)
}
