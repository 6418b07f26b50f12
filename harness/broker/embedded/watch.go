package embedded

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/stampede-bench/stampede/harness"
)

const (
	// confirmEvery is how often the group is looked at while an outcome is open.
	confirmEvery = 5 * time.Millisecond
	// confirmWithin is when a commit that the group does not show is given up.
	confirmWithin = time.Second
)

// commitWatch follows the commits of one group on one topic.
//
// A request tells what shall be committed, the broker's state what is. kfake
// handles one request after the other, and each watch looks at the state before
// it lets the next commit of its partitions through. So the outcome of every
// commit is seen before another can cover it: it took hold if and only if the
// state has its offset with a time not before the request. Only of the latest
// commit, which no other follows, nothing tells when kfake has handled it; for
// that one the state is polled.
type commitWatch struct {
	cluster      *Cluster
	group, topic string
	emit         func(harness.Commit)
	wake         chan struct{} // wake has room for one: there is something to emit or to poll for.
	done         chan struct{} // done is closed after the last call of emit.

	mu       sync.Mutex
	topicID  [16]byte
	clients  map[string]string // clients are the client ids of members, past ones too.
	staged   map[transaction]map[int32]harness.Commit
	open     []request
	ready    []harness.Commit
	stopping bool
}

// transaction is one transaction of a producer, or all of them under a
// protocol that does not raise the epoch with each.
type transaction struct {
	id       string
	producer int64
	epoch    int16
}

// request is a commit whose outcome is open.
type request struct {
	commit harness.Commit
	seen   time.Time   // seen is its At on the clock of kfake's stamps.
	of     transaction // of is zero for a commit outside transactions.
}

func newCommitWatch(c *Cluster, group, topic string, emit func(harness.Commit)) *commitWatch {
	return &commitWatch{
		cluster: c, group: group, topic: topic, emit: emit,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		clients: map[string]string{}, staged: map[transaction]map[int32]harness.Commit{},
	}
}

// ours are the offsets on the topic watched.
func (w *commitWatch) ours(offsets []offset) []offset {
	return slices.DeleteFunc(offsets, func(o offset) bool {
		if o.topic != "" {
			return o.topic != w.topic
		}
		return o.topicID != w.id()
	})
}

// id is the topic's id, zero until the topic exists.
func (w *commitWatch) id() [16]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.topicID == ([16]byte{}) {
		if info := w.cluster.kfake.TopicInfo(w.topic); info != nil {
			w.topicID = info.TopicID
		}
	}
	return w.topicID
}

// commit is called with a commit that kfake is about to handle.
func (w *commitWatch) commit(member string, offsets []offset) {
	if len(offsets) == 0 {
		return
	}
	w.look(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	var commits []harness.Commit
	for _, o := range offsets {
		commits = append(commits, harness.Commit{ClientID: w.clients[member], Partition: o.partition, Offset: o.next})
	}
	w.expect(transaction{}, commits)
}

// stage is called with a commit that holds if and when its transaction does.
func (w *commitWatch) stage(txn transaction, member string, offsets []offset) {
	if len(offsets) == 0 {
		return
	}
	w.look(false)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.staged[txn] == nil {
		w.staged[txn] = map[int32]harness.Commit{}
	}
	for _, o := range offsets {
		w.staged[txn][o.partition] = harness.Commit{ClientID: w.clients[member], Partition: o.partition, Offset: o.next}
	}
}

// end is called with the end of a transaction that kfake is about to handle.
// What was staged stays until the commit is seen: this end may be refused, and
// tried again at another coordinator.
func (w *commitWatch) end(txn transaction, commit bool) {
	w.mu.Lock()
	if !commit {
		delete(w.staged, txn)
	}
	none := len(w.staged[txn]) == 0
	w.mu.Unlock()
	if none {
		return
	}
	w.look(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	// It is gone if the look found that an earlier try of this end held.
	w.expect(txn, slices.Collect(maps.Values(w.staged[txn])))
}

// expect stamps the commits of one request and opens their outcome. The caller
// holds mu.
func (w *commitWatch) expect(txn transaction, commits []harness.Commit) {
	if w.stopping || len(commits) == 0 {
		return
	}
	slices.SortFunc(commits, func(a, b harness.Commit) int { return cmp.Compare(a.Partition, b.Partition) })
	seen, at := time.Now(), w.cluster.clock.Now()
	for _, commit := range commits {
		commit.At = at
		w.open = append(w.open, request{commit: commit, seen: seen, of: txn})
	}
	w.signal()
}

// look settles what the state of the group decides. all is for the moment
// before another commit is handled, when all earlier ones have been: what the
// state does not show then was refused.
//
// kfake answers GroupInfo while it waits for a control function, so the call
// may come from one.
func (w *commitWatch) look(all bool) {
	info := w.cluster.kfake.GroupInfo(w.group)
	if info == nil {
		info = &kfake.GroupInfo{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range info.Members {
		w.clients[m.MemberID] = m.ClientID
	}
	var open []request
	for _, r := range w.open {
		state, ok := info.Commits[w.topic][r.commit.Partition]
		switch {
		case ok && state.Offset == r.commit.Offset && !state.At.Before(r.seen):
			r.commit.Confirmed = true
			w.ready = append(w.ready, r.commit)
			delete(w.staged, r.of)
		case all || time.Since(r.seen) > confirmWithin:
			w.ready = append(w.ready, r.commit)
		default:
			open = append(open, r)
		}
	}
	w.open = open
	if len(w.ready) > 0 {
		w.signal()
	}
}

func (w *commitWatch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run emits what is decided and polls while something is not.
func (w *commitWatch) run() {
	defer close(w.done)
	for {
		open, stopping := w.flush()
		var poll <-chan time.Time
		switch {
		case open:
			poll = time.After(confirmEvery)
		case stopping:
			return
		}
		select {
		case <-w.wake:
		case <-poll:
			w.look(false)
		}
	}
}

// flush emits what is ready, and says whether outcomes are open.
func (w *commitWatch) flush() (open, stopping bool) {
	w.mu.Lock()
	ready := w.ready
	w.ready = nil
	open, stopping = len(w.open) > 0, w.stopping
	w.mu.Unlock()
	for _, c := range ready {
		w.emit(c)
	}
	return open, stopping
}

// stop opens no further outcomes and returns after the last emit.
func (w *commitWatch) stop() {
	w.mu.Lock()
	w.stopping = true
	w.mu.Unlock()
	w.signal()
	<-w.done
}
