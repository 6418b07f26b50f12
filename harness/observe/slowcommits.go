package observe

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// SlowCommit is a request of the run's group to commit, to which the broker took at least
// [SlowAnswer] to respond. A request for several partitions is one of them.
type SlowCommit struct {
	Owner        ledger.Owner // Owner is the incarnation that asked, 0 for an unknown client.
	At, Answered int64        // At is when it asked, and Answered when it got the response, ns on CLOCK_MONOTONIC.
}

// SlowAnswer is from which time on a [Watcher] notes how long the response to a commit took.
const SlowAnswer = time.Second

// acceptSlowCommit takes a request to commit, and notes it if it took the broker long.
func (w *Watcher) acceptSlowCommit(r harness.CommitRequest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteSlowCommit(r)
}

// noteSlowCommit notes a request that took the broker long. The caller holds mu.
func (w *Watcher) noteSlowCommit(r harness.CommitRequest) {
	if !r.Ended || r.AnsweredAt-r.At < int64(SlowAnswer) || r.Group != w.cfg.Client.Group {
		return
	}
	s := SlowCommit{Owner: w.cfg.OwnerOf(r.ClientID), At: r.At, Answered: r.AnsweredAt}
	if !slices.Contains(w.slow, s) {
		w.slow = append(w.slow, s)
	}
}

// SlowCommits returns the slow commits so far, in the order of their responses. A cluster
// without a view of the wire has none.
func (w *Watcher) SlowCommits() []SlowCommit {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.slow)
}
