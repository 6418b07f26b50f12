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

// groupWatch follows the groups of a run: those whose names start with its prefix.
//
// A request tells what shall be committed, the broker's state what is. kfake
// handles one request after the other, and each watch looks at the state before
// it lets the next commit of its partitions through. So the outcome of every
// commit is seen before another can cover it: it took hold if and only if the
// state has its offset with a time not before the request. Only of the latest
// commit, which no other follows, nothing tells when kfake has handled it; for
// that one the state is polled.
type groupWatch struct {
	cluster *Cluster
	prefix  string
	see     harness.GroupEvents
	wake    chan struct{} // wake has room for one: there is something to emit or to poll for.
	done    chan struct{} // done is closed after the last commit.

	mu       sync.Mutex
	clients  map[string]string // clients are the client ids of members, past ones too.
	staged   map[transaction]map[place]harness.Commit
	open     []request
	ready    []harness.Commit
	stopping bool

	telling sync.RWMutex // read-locked by calls of see other than for commits; locked, there are none
	silent  bool
}

// place is what a commit is for.
type place struct {
	group, topic string
	partition    int32
}

func placeOf(c harness.Commit) place { return place{c.Group, c.Topic, c.Partition} }

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

func newGroupWatch(c *Cluster, prefix string, see harness.GroupEvents) *groupWatch {
	return &groupWatch{
		cluster: c, prefix: prefix, see: see,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		clients: map[string]string{}, staged: map[transaction]map[place]harness.Commit{},
	}
}

// commit is called with a commit that kfake is about to handle.
func (w *groupWatch) commit(commits []harness.Commit) {
	if len(commits) == 0 {
		return
	}
	w.look(commits[0].Group, true)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range commits {
		commits[i].ClientID = w.clients[commits[i].MemberID]
	}
	w.expect(transaction{}, commits)
}

// stage is called with a commit that holds if and when its transaction does.
// client is who has the transaction, "" if that is unknown.
func (w *groupWatch) stage(txn transaction, client string, commits []harness.Commit) {
	if len(commits) == 0 {
		return
	}
	w.look(commits[0].Group, false)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.staged[txn] == nil {
		w.staged[txn] = map[place]harness.Commit{}
	}
	for _, c := range commits {
		c.ClientID, c.Transactional = cmp.Or(w.clients[c.MemberID], client), true
		w.staged[txn][placeOf(c)] = c
	}
}

// end is called with the end of a transaction that kfake is about to handle.
// What was staged stays until the commit is seen: this end may be refused, and
// tried again at another coordinator.
func (w *groupWatch) end(txn transaction, commit bool) {
	w.mu.Lock()
	if !commit {
		delete(w.staged, txn)
	}
	groups := map[string]bool{}
	for at := range w.staged[txn] {
		groups[at.group] = true
	}
	w.mu.Unlock()
	if len(groups) == 0 {
		return
	}
	for group := range groups {
		w.look(group, true)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// It is gone if a look found that an earlier try of this end held.
	w.expect(txn, slices.Collect(maps.Values(w.staged[txn])))
}

// expect stamps the commits of one request and opens their outcome. The caller
// holds mu.
func (w *groupWatch) expect(txn transaction, commits []harness.Commit) {
	if w.stopping || len(commits) == 0 {
		return
	}
	slices.SortFunc(commits, func(a, b harness.Commit) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	seen, at := time.Now(), w.cluster.clock.Now()
	for _, commit := range commits {
		commit.At = at
		w.open = append(w.open, request{commit: commit, seen: seen, of: txn})
	}
	w.signal()
}

// look settles what the state of a group decides. all is for the moment
// before another commit is handled, when all earlier ones have been: what the
// state does not show then was refused.
//
// kfake answers GroupInfo while it waits for a control function, so the call
// may come from one.
func (w *groupWatch) look(group string, all bool) {
	info := w.cluster.kfake.GroupInfo(group)
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
		state, ok := info.Commits[r.commit.Topic][r.commit.Partition]
		switch {
		case r.commit.Group != group:
			open = append(open, r)
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

func (w *groupWatch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run emits what is decided and polls while something is not.
func (w *groupWatch) run() {
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
			for _, group := range w.undecided() {
				w.look(group, false)
			}
		}
	}
}

// undecided are the groups with open outcomes.
func (w *groupWatch) undecided() (groups []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.open {
		if !slices.Contains(groups, r.commit.Group) {
			groups = append(groups, r.commit.Group)
		}
	}
	return groups
}

// flush emits what is ready, and says whether outcomes are open.
func (w *groupWatch) flush() (open, stopping bool) {
	w.mu.Lock()
	ready := w.ready
	w.ready = nil
	open, stopping = len(w.open) > 0, w.stopping
	w.mu.Unlock()
	for _, c := range ready {
		if w.see.Commit != nil {
			w.see.Commit(c)
		}
	}
	return open, stopping
}

// stop opens no further outcomes and returns after the last call of see.
func (w *groupWatch) stop() {
	w.telling.Lock()
	w.silent = true
	w.telling.Unlock()
	w.mu.Lock()
	w.stopping = true
	w.mu.Unlock()
	w.signal()
	<-w.done
}
