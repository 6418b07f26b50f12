package observe

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Config is what a [Watcher] needs to know of a run.
type Config struct {
	Cluster    harness.Cluster
	Client     *Client
	Partitions int
	Protocol   harness.Protocol
	Clock      ledger.Clock
	Journal    *ledger.Journal // Journal takes what is seen.
	// OwnerOf is the incarnation that a client id belongs to, 0 for none.
	OwnerOf func(clientID string) ledger.Owner
	// MaxGap is how long the observer may be blind before what leans on it is
	// inconclusive.
	MaxGap time.Duration
	// Look is how often a cluster that describes groups itself is asked. 0: every 20 ms.
	Look time.Duration
}

// Watcher writes into the journal who commits what and who owns what, from its
// start until Stop. Safe for concurrent use.
type Watcher struct {
	cfg     Config
	stop    func(context.Context) error
	stopped sync.Once

	mu         sync.Mutex
	owned      []holding // by partition
	committed  []int64
	members    map[string]string // members is the member id by client id, of the last snapshot
	expelled   []Expulsion
	changes    int
	generation int32
	blind      time.Duration
	err        error
}

// holding is who has a partition.
type holding struct {
	owner      ledger.Owner
	client     string
	member     uint64
	generation int32
}

// Expulsion is a member that was gone from the group at a time, or back under
// another member id. Whether it was meant to be, the engine knows.
type Expulsion struct {
	Owner    ledger.Owner
	Earliest int64 // Earliest and Seen bound the moment, ns on CLOCK_MONOTONIC.
	Seen     int64
}

// Watch starts to watch. Call it before the group forms.
func Watch(ctx context.Context, cfg Config) (*Watcher, error) {
	w := &Watcher{cfg: cfg, owned: make([]holding, cfg.Partitions), committed: make([]int64, cfg.Partitions), members: map[string]string{}}
	commits, seesCommits := cfg.Cluster.(harness.CommitObserver)
	groups, seesGroups := cfg.Cluster.(harness.GroupObserver)
	var err error
	if seesCommits && seesGroups {
		err = w.watchCluster(commits, groups)
	} else {
		err = w.watchOffsetsTopic(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("observe group %s: %w", cfg.Client.Group, err)
	}
	return w, nil
}

// Stop ends the watch after it has seen all that happened before the call, or
// says why it could not. Further calls do nothing but say the same again.
func (w *Watcher) Stop(ctx context.Context) error {
	w.stopped.Do(func() {
		if err := w.stop(ctx); err != nil {
			w.fail(err)
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return w.err
	case w.blind > w.cfg.MaxGap:
		return fmt.Errorf("the group was out of sight for %v, more than %v", w.blind.Round(time.Millisecond), w.cfg.MaxGap)
	}
	return nil
}

// Owners is the name of the pod that has each partition, "" for none.
func (w *Watcher) Owners() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := make([]string, len(w.owned))
	for p, h := range w.owned {
		if h.owner != 0 {
			names[p] = podOf(h.client)
		}
	}
	return names
}

// podOf is the pod's name in a client id, see [harness.ClientID].
func podOf(client string) string {
	for i := len(client) - 1; i >= 0; i-- {
		if client[i] == '.' {
			return client[:i]
		}
	}
	return client
}

// Committed is the group's commit by partition as last seen, 0 without one.
func (w *Watcher) Committed() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.committed)
}

// Changes counts the snapshots in which any partition changed hands or the
// group its generation.
func (w *Watcher) Changes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes
}

// Expelled are the members that were seen to be gone, meant or not.
func (w *Watcher) Expelled() []Expulsion {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.expelled)
}

// commit writes down a commit.
func (w *Watcher) commit(c harness.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Partition < 0 || int(c.Partition) >= len(w.owned) {
		return
	}
	owner := w.cfg.OwnerOf(c.ClientID)
	if c.ClientID == "" {
		owner = w.owned[c.Partition].owner // the broker does not say who: take the owner
	}
	s := ledger.NewSlot(ledger.KindCommit, owner).With(ledger.OutcomeUnknown)
	if c.Confirmed {
		s = s.With(ledger.OutcomeConfirmed)
		w.committed[c.Partition] = c.Offset
	}
	s.Partition, s.Offset, s.Start, s.End = c.Partition, c.Offset, c.At, c.At
	w.write(s)
}

// snapshot compares the group with what it was and writes down what changed,
// no earlier than earliest. The caller knows that the snapshot is of a settled group.
func (w *Watcher) snapshot(g harness.Group, earliest, seen int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := make([]holding, len(w.owned))
	fresh := make([]bool, len(w.owned))
	members := map[string]string{}
	for _, m := range g.Members {
		owner := w.cfg.OwnerOf(m.ClientID)
		members[m.ClientID] = m.ID
		for _, p := range m.Fresh {
			if p >= 0 && int(p) < len(fresh) {
				fresh[p] = true
			}
		}
		for _, p := range m.Partitions {
			if p >= 0 && int(p) < len(now) && owner != 0 {
				now[p] = holding{owner, m.ClientID, hash(m.ID), g.Generation}
			}
		}
	}
	changed := false
	for p := range now {
		was, is := w.owned[p], now[p]
		anew := fresh[p] && g.Generation != w.generation
		if was == is && !anew {
			continue
		}
		changed = true
		if was.owner != 0 && (is.owner != was.owner || is.member != was.member || anew) {
			w.write(owns(ledger.KindReleased, int32(p), was, earliest, seen))
		}
		if is.owner != 0 {
			w.write(owns(ledger.KindOwned, int32(p), is, earliest, seen))
		}
	}
	for client, id := range w.members {
		if members[client] != id {
			w.expelled = append(w.expelled, Expulsion{w.cfg.OwnerOf(client), earliest, seen})
		}
	}
	if changed || g.Generation != w.generation {
		w.changes++
	}
	w.owned, w.members, w.generation = now, members, g.Generation
}

func owns(k ledger.Kind, partition int32, h holding, earliest, seen int64) ledger.Slot {
	s := ledger.NewSlot(k, h.owner).With(ledger.OutcomeConfirmed)
	s.Partition, s.Seq, s.Offset = partition, uint32(h.generation), int64(h.member)
	s.Start, s.End = seen, earliest
	return s
}

// write appends to the journal. The caller holds mu.
func (w *Watcher) write(s ledger.Slot) {
	if err := w.cfg.Journal.Append(s); err != nil && w.err == nil {
		w.err = err
	}
}

// fail keeps the first error.
func (w *Watcher) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

// gap notes how long the observer saw nothing.
func (w *Watcher) gap(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blind = max(w.blind, d)
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}
