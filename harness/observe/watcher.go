package observe

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Config is what a [Watcher] needs to know of a run.
type Config struct {
	Cluster  harness.Cluster
	Client   *Client
	Topics   []Topic // Topics are those of the run by their number, the source first.
	Protocol harness.Protocol
	Share    bool // Share: the run's group is a share group, in which nobody owns a partition.
	Clock    ledger.Clock
	Journal  interface{ Append(ledger.Slot) error } // Journal takes what is seen, by one call at a time.
	// OwnerOf is the incarnation that a client id belongs to, 0 for none.
	OwnerOf func(clientID string) ledger.Owner
	// MaxGap is how long the observer may be blind before what leans on it is
	// inconclusive.
	MaxGap time.Duration
	// Look is how often a cluster that describes groups itself is asked. 0: [LookEvery].
	Look time.Duration
}

// Watcher writes into the journal who commits what and who owns what, and
// whatever else the back end can see of the groups of a run: its own, and those of
// the consumer's own, whose names start with its. It does so from its start until
// Stop. Safe for concurrent use.
type Watcher struct {
	cfg     Config
	topics  map[string]uint16
	stop    func(context.Context) error
	stopped sync.Once

	mu        sync.Mutex
	groups    map[string]*group
	committed []int64 // of the run's group on the source
	expelled  []Expulsion
	changes   int
	asked     int64 // asked is when the last look that was answered was asked for.
	blind     time.Duration
	err       error
}

// group is a group as it was last seen.
type group struct {
	key        uint32      // key is 0 for the run's group.
	owned      [][]holding // by topic and partition
	members    map[string]string
	clients    map[string]string // clients are the client ids by member id, past ones too.
	given      map[int32]bool    // given are the partitions of the source that the members of the share group have to fetch from.
	size       int               // size is how many members it has, of anybody's.
	generation int32
	written    int64 // written is when its coordinator last wrote it down, 0 where it is looked at.
	told       int64 // told is when the cluster last said who was given what, 0 if it does not: who was a member then left later.
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
	Earliest int64 // Earliest and Seen bound the moment from which on others could be given what it had, ns on CLOCK_MONOTONIC.
	Seen     int64
	Member   int64  // Member is when it was surely a member last.
	Group    uint32 // Group is the key of a group of the consumer's own, 0 for the run's.
}

// Watch starts to watch. Call it before the group forms.
func Watch(ctx context.Context, cfg Config) (*Watcher, error) {
	w := newWatcher(cfg)
	var err error
	if groups, sees := cfg.Cluster.(harness.GroupObserver); sees {
		err = w.watchCluster(groups)
	} else {
		err = w.watchOffsetsTopic(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("observe group %s: %w", cfg.Client.Group, err)
	}
	return w, nil
}

func newWatcher(cfg Config) *Watcher {
	w := &Watcher{cfg: cfg, topics: map[string]uint16{}, groups: map[string]*group{}, committed: make([]int64, cfg.Topics[0].Partitions)}
	for number, t := range cfg.Topics {
		w.topics[t.Name] = uint16(number)
	}
	return w
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

// Owners is the name of the pod that has each partition of the source, "" for none.
func (w *Watcher) Owners() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	owned := w.group(w.cfg.Client.Group).owned[0]
	names := make([]string, len(owned))
	for p, h := range owned {
		if h.owner != 0 {
			names[p] = podOf(h.client)
		}
	}
	return names
}

// Joined are the incarnations that are members of the run's group, as last seen.
func (w *Watcher) Joined() map[ledger.Owner]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	joined := map[ledger.Owner]bool{}
	for client := range w.group(w.cfg.Client.Group).members {
		if owner := w.cfg.OwnerOf(client); owner != 0 {
			joined[owner] = true
		}
	}
	return joined
}

// Given counts the partitions of the source that members of the share group have to
// fetch from, as last seen: before that nobody is given a record.
func (w *Watcher) Given() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.group(w.cfg.Client.Group).given)
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

// Committed is the run's group's commit of the source by partition as last seen,
// 0 without one.
func (w *Watcher) Committed() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.committed)
}

// Changes counts the snapshots in which any partition changed hands, the group
// its generation or, in a share group, its members.
func (w *Watcher) Changes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes
}

// Expelled are the members of the groups that were seen to be gone, meant or not.
func (w *Watcher) Expelled() []Expulsion {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.expelled)
}

// group is what is known of a group. The caller holds mu.
func (w *Watcher) group(name string) *group {
	g := w.groups[name]
	if g == nil {
		g = &group{members: map[string]string{}, clients: map[string]string{}}
		if name != w.cfg.Client.Group {
			g.key = uint32(hash(name)) | 1
		}
		for _, t := range w.cfg.Topics {
			g.owned = append(g.owned, make([]holding, t.Partitions))
		}
		w.groups[name] = g
	}
	return g
}

// place fills in the topic and partition of a slot; false: they are none of the run's.
func (w *Watcher) place(s *ledger.Slot, topic string, partition int32) bool {
	number, ok := w.topics[topic]
	s.Topic, s.Partition = number, partition
	return ok && partition >= 0 && int(partition) < w.cfg.Topics[number].Partitions
}

// snapshot compares a group with what it was and writes down what changed,
// no earlier than earliest. The caller knows that the snapshot is of a settled group.
func (w *Watcher) snapshot(g harness.Group, earliest, seen int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.group(g.Name)
	if was.told > 0 && g.Generation < was.generation {
		return // it is of before what the cluster said in the meantime
	}
	earliest = min(max(earliest, was.told+1), seen)
	w.compare(g, was, min(max(earliest, w.asked), seen), earliest, seen)
}

// written takes a group as its coordinator wrote it down between at and seen, which
// it does when a generation begins: who is gone then may have gone since the one before.
func (w *Watcher) written(g harness.Group, at, seen int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.group(g.Name)
	w.compare(g, was, at, at, seen)
	was.written = seen
}

// assign takes what the cluster saw a group give to its members.
func (w *Watcher) assign(a harness.Assignment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.group(a.Group.Name)
	if a.Group.Generation > was.generation {
		w.compare(a.Group, was, min(max(w.asked, was.told+1), a.At), a.At, a.Seen)
		was.told = a.Seen
	}
}

// departed takes a look at a group that is not settled: it says who is still a
// member, if not who will have what.
func (w *Watcher) departed(g harness.Group, seen int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.group(g.Name)
	ids, clients := map[string]bool{}, map[string]bool{}
	for _, m := range g.Members {
		client := w.clientOf(m, was)
		ids[m.ID], clients[client], was.clients[m.ID] = true, true, client
	}
	earliest := min(max(w.asked, was.told+1), seen)
	for client, id := range was.members {
		if ids[id] || g.Generation < was.generation || w.cfg.Share && clients[client] {
			continue
		}
		delete(was.members, client)
		w.expelled = append(w.expelled, Expulsion{w.cfg.OwnerOf(client), earliest, seen, earliest, was.key})
		for topic := range was.owned {
			for p, h := range was.owned[topic] {
				if h.client == client {
					w.pass(was.key, ledger.Position{Topic: uint16(topic), Partition: int32(p)}, h, holding{}, false, earliest, seen)
					was.owned[topic][p] = holding{}
				}
			}
		}
	}
}

// compare writes down what became of a group between earliest and seen; who is gone
// from it may have left since left. The caller holds mu.
func (w *Watcher) compare(g harness.Group, was *group, left, earliest, seen int64) {
	is := w.seen(g, was)
	changed := g.Generation != was.generation || w.cfg.Share && len(g.Members) != was.size
	for topic := range is.owned {
		for p := range is.owned[topic] {
			at := ledger.Position{Topic: uint16(topic), Partition: int32(p)}
			fresh := is.fresh[at] && g.Generation != was.generation
			changed = w.pass(was.key, at, was.owned[topic][p], is.owned[topic][p], fresh, earliest, seen) || changed
		}
	}
	member := left
	if was.written > 0 {
		member = min(left, was.written)
	}
	for client, id := range was.members {
		now, in := is.members[client]
		if !in || now != id && !w.cfg.Share { // of a share group a pod may have several members
			w.expelled = append(w.expelled, Expulsion{w.cfg.OwnerOf(client), left, seen, member, was.key})
		}
	}
	if was.key == 0 && changed {
		w.changes++
	}
	was.owned, was.members, was.given, was.generation, was.size = is.owned, is.members, is.given, g.Generation, len(g.Members)
}

// sighting is what a snapshot shows.
type sighting struct {
	owned   [][]holding
	fresh   map[ledger.Position]bool
	members map[string]string
	given   map[int32]bool
}

// seen reads a snapshot. The caller holds mu.
func (w *Watcher) seen(g harness.Group, was *group) sighting {
	is := sighting{fresh: map[ledger.Position]bool{}, members: map[string]string{}, given: map[int32]bool{}}
	for _, t := range w.cfg.Topics {
		is.owned = append(is.owned, make([]holding, t.Partitions))
	}
	for _, m := range g.Members {
		client := w.clientOf(m, was)
		if client == "" {
			continue // the next look says whose it is
		}
		is.members[client], was.clients[m.ID] = m.ID, client
		owner := w.cfg.OwnerOf(client)
		if owner == 0 {
			continue
		}
		if w.cfg.Share && was.key == 0 {
			for _, p := range m.Partitions[w.cfg.Topics[0].Name] {
				is.given[p] = true
			}
			continue
		}
		var s ledger.Slot
		for topic, partitions := range m.Partitions {
			for _, p := range partitions {
				if w.place(&s, topic, p) {
					is.owned[s.Topic][p] = holding{owner, client, hash(m.ID), g.Generation}
				}
			}
		}
		for topic, partitions := range m.Fresh {
			for _, p := range partitions {
				if w.place(&s, topic, p) {
					is.fresh[s.Position()] = true
				}
			}
		}
	}
	return is
}

// clientOf is the client id of a member. Kafka knows a static member that comes
// back by the client id of the incarnation before; so its new member id belongs to
// the latest of the pod.
func (w *Watcher) clientOf(m harness.Member, was *group) string {
	if client, known := was.clients[m.ID]; known {
		return client
	}
	pod := podOf(m.ClientID)
	n, err := strconv.Atoi(strings.TrimPrefix(m.ClientID, pod+"."))
	if w.cfg.Protocol != harness.Static || err != nil {
		return m.ClientID
	}
	for w.cfg.OwnerOf(harness.ClientID(pod, n+1)) != 0 {
		n++
	}
	return harness.ClientID(pod, n)
}

// pass writes down what became of a partition from one snapshot to the next, and
// whether anything did.
func (w *Watcher) pass(key uint32, at ledger.Position, was, is holding, fresh bool, earliest, seen int64) bool {
	if was == is && !fresh {
		return false
	}
	owns := func(k ledger.Kind, h holding) {
		s := ledger.NewSlot(k, h.owner).With(ledger.OutcomeConfirmed)
		s.Topic, s.Partition, s.Key, s.Seq, s.Offset = at.Topic, at.Partition, key, uint32(h.generation), int64(h.member)
		s.Start, s.End = seen, earliest
		w.write(s)
	}
	if was.owner != 0 && (is.owner != was.owner || is.member != was.member || fresh) {
		owns(ledger.KindReleased, was)
	}
	if is.owner != 0 {
		owns(ledger.KindOwned, is)
	}
	return true
}

// write appends to the journal. The caller holds mu.
func (w *Watcher) write(slots ...ledger.Slot) {
	for _, s := range slots {
		if err := w.cfg.Journal.Append(s); err != nil && w.err == nil {
			w.err = err
		}
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
