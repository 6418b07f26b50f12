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
	// confirmInterval is how often the group's state is polled while an outcome is
	// open, and confirmPerMember how much less often for each member that the state has.
	confirmInterval  = 5 * time.Millisecond
	confirmPerMember = 100 * time.Microsecond
	// confirmTimeout is how long a commit may take to show in the group's state.
	confirmTimeout = time.Second
)

// groupWatch follows the groups of a run: those whose names start with its
// prefix.
//
// A request says what shall be committed; the broker's state says what is
// committed. kfake handles one request after the other, and each watch reads the
// state before it lets a commit through that could hide an open outcome: one of the
// same partition. It polls the state for the others. A commit succeeded if and only
// if the state has its offset with a time not before the request. Once another
// commit of the group follows, kfake has handled it. For the latest one nothing
// shows that.
//
// The state of a group costs as much as the group is large. So it is not read for each
// commit.
type groupWatch struct {
	cluster *Cluster
	prefix  string
	see     harness.GroupEvents
	read    func(group string) *kfake.GroupInfo // read reads the state of a group, nil if there is none.
	wake    chan struct{}                       // wake has capacity one: a commit is ready, or an outcome is open.
	done    chan struct{}                       // done is closed after the last commit was reported.

	mu       sync.Mutex
	clients  map[string]string // clients has the client id of each member id, also of past members.
	pause    time.Duration     // pause is between two polls.
	staged   map[transaction]map[commitTarget]harness.Commit
	open     []openCommit
	opened   int // opened is how many outcomes were ever opened.
	handled  int // handled is how many of them kfake has handled: a later request came.
	ready    []harness.Commit
	stopping bool

	notifying sync.RWMutex // notifying is read-locked by calls other than for commits; a writer waits for them.
	silent    bool
}

// commitTarget is the group and the partition that a commit is for.
type commitTarget struct {
	group, topic string
	partition    int32
}

func targetOf(c harness.Commit) commitTarget { return commitTarget{c.Group, c.Topic, c.Partition} }

// transaction is one transaction of a producer. Under a protocol that does not
// raise the epoch with each transaction, it is all of them.
type transaction struct {
	id       string
	producer int64
	epoch    int16
}

// openCommit is a commit whose outcome is unknown.
type openCommit struct {
	commit harness.Commit
	number int         // number counts outcomes from 1.
	seen   time.Time   // seen is At of the commit, on the clock that kfake uses.
	txn    transaction // txn is zero for a commit outside transactions.
}

func newGroupWatch(c *Cluster, prefix string, see harness.GroupEvents) *groupWatch {
	return &groupWatch{
		cluster: c, prefix: prefix, see: see, read: c.kfake.GroupInfo,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		clients: map[string]string{}, staged: map[transaction]map[commitTarget]harness.Commit{}, pause: confirmInterval,
	}
}

// expectCommits is called with commits that kfake is about to handle.
func (w *groupWatch) expectCommits(commits []harness.Commit) {
	if len(commits) == 0 {
		return
	}
	if w.noteHandled(commits) {
		w.resolveCommits(commits[0].Group)
	}
	w.learnMembers(commits)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range commits {
		commits[i].ClientID = w.clients[commits[i].MemberID]
	}
	w.openOutcomes(transaction{}, commits)
}

// noteHandled is called before kfake handles another request: it has handled all commits with
// an open outcome. It reports whether new commits would hide one of these outcomes.
func (w *groupWatch) noteHandled(commits []harness.Commit) (hides bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handled = w.opened
	if len(w.open) == 0 {
		return false
	}
	targets := make(map[commitTarget]bool, len(commits))
	for _, c := range commits {
		targets[targetOf(c)] = true
	}
	return slices.ContainsFunc(w.open, func(r openCommit) bool { return targets[targetOf(r.commit)] })
}

// learnMembers reads the state of the group if it does not know the client of a member.
func (w *groupWatch) learnMembers(commits []harness.Commit) {
	w.mu.Lock()
	unknown := slices.ContainsFunc(commits, func(c harness.Commit) bool {
		_, known := w.clients[c.MemberID]
		return c.MemberID != "" && !known
	})
	w.mu.Unlock()
	if unknown {
		w.resolveCommits(commits[0].Group)
	}
}

// stageCommits is called with commits that take effect if their transaction
// commits. client is the owner of the transaction, "" if it is unknown.
func (w *groupWatch) stageCommits(txn transaction, client string, commits []harness.Commit) {
	if len(commits) == 0 {
		return
	}
	w.mu.Lock()
	ending := slices.ContainsFunc(w.open, func(r openCommit) bool { return r.txn == txn })
	w.mu.Unlock()
	if ending { // the commits of the transaction before are staged until their outcome is known
		w.resolveCommits(commits[0].Group)
	}
	w.learnMembers(commits)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.staged[txn] == nil {
		w.staged[txn] = map[commitTarget]harness.Commit{}
	}
	for _, c := range commits {
		c.Asked = w.cluster.clock.Now()
		c.ClientID, c.Transactional = cmp.Or(w.clients[c.MemberID], client), true
		w.staged[txn][targetOf(c)] = c
	}
}

// endTransaction is called with an EndTxn that kfake is about to handle. Staged
// commits stay until the state shows them: kfake may refuse this EndTxn, and the
// client may repeat it at another coordinator.
func (w *groupWatch) endTransaction(txn transaction, commit bool) {
	w.mu.Lock()
	if !commit {
		delete(w.staged, txn)
	}
	groups := map[string][]harness.Commit{}
	for at, c := range w.staged[txn] {
		groups[at.group] = append(groups[at.group], c)
	}
	w.mu.Unlock()
	if len(groups) == 0 {
		return
	}
	for group, commits := range groups {
		if w.noteHandled(commits) {
			w.resolveCommits(group)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// The map is empty if the state shows that an earlier EndTxn succeeded.
	w.openOutcomes(txn, slices.Collect(maps.Values(w.staged[txn])))
}

// openOutcomes gives the commits of one request their time and opens their
// outcome. The caller holds mu.
func (w *groupWatch) openOutcomes(txn transaction, commits []harness.Commit) {
	if w.stopping || len(commits) == 0 {
		return
	}
	slices.SortFunc(commits, func(a, b harness.Commit) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	seen, at := time.Now(), w.cluster.clock.Now()
	for _, commit := range commits {
		commit.At = at
		w.opened++
		w.open = append(w.open, openCommit{commit: commit, number: w.opened, seen: seen, txn: txn})
	}
	w.wakeEmitter()
}

// resolveCommits decides open outcomes by the state of a group. A commit that kfake has
// handled and that the state does not show was refused.
//
// kfake answers GroupInfo while it waits for a control function, so a control
// function may call this.
func (w *groupWatch) resolveCommits(group string) {
	w.mu.Lock()
	handled := w.handled // before the state is read: kfake may handle more meanwhile
	w.mu.Unlock()
	info := w.read(group)
	if info == nil {
		info = &kfake.GroupInfo{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range info.Members {
		w.clients[m.MemberID] = m.ClientID
	}
	w.pause = confirmInterval + time.Duration(len(info.Members))*confirmPerMember
	open := w.open[:0]
	for _, r := range w.open {
		state, ok := info.Commits[r.commit.Topic][r.commit.Partition]
		switch {
		case r.commit.Group != group:
			open = append(open, r)
		case ok && state.Offset == r.commit.Offset && !state.At.Before(r.seen):
			r.commit.Confirmed = true
			w.ready = append(w.ready, r.commit)
			delete(w.staged, r.txn)
		case r.number <= handled || time.Since(r.seen) > confirmTimeout:
			r.commit.Refused = r.number <= handled && r.txn == transaction{}
			w.ready = append(w.ready, r.commit)
		default:
			open = append(open, r)
		}
	}
	clear(w.open[len(open):])
	w.open = open
	if len(w.ready) > 0 {
		w.wakeEmitter()
	}
}

func (w *groupWatch) wakeEmitter() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// emitCommits reports decided commits and polls while outcomes are open.
func (w *groupWatch) emitCommits() {
	defer close(w.done)
	var poll <-chan time.Time
	for {
		pause, stopping := w.emitReady()
		switch {
		case pause == 0 && stopping:
			return
		case pause > 0 && poll == nil:
			poll = time.After(pause)
		}
		select {
		case <-w.wake:
		case <-poll:
			poll = nil
			for _, group := range w.groupsWithOpenCommits() {
				w.resolveCommits(group)
			}
		}
	}
}

// groupsWithOpenCommits returns the groups with open outcomes.
func (w *groupWatch) groupsWithOpenCommits() (groups []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.open {
		if !slices.Contains(groups, r.commit.Group) {
			groups = append(groups, r.commit.Group)
		}
	}
	return groups
}

// emitReady reports the decided commits, and returns the pause until the next poll: 0 while no
// outcome is open.
func (w *groupWatch) emitReady() (pause time.Duration, stopping bool) {
	w.mu.Lock()
	ready := w.ready
	w.ready = nil
	if stopping = w.stopping; len(w.open) > 0 {
		pause = w.pause
	}
	w.mu.Unlock()
	for _, c := range ready {
		if w.see.Commit != nil {
			w.see.Commit(c)
		}
	}
	return pause, stopping
}

// stopAndDrain opens no further outcomes and returns after the last report.
func (w *groupWatch) stopAndDrain() {
	w.notifying.Lock()
	w.silent = true
	w.notifying.Unlock()
	w.mu.Lock()
	w.stopping = true
	w.mu.Unlock()
	w.wakeEmitter()
	<-w.done
}
