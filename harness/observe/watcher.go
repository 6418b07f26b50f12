package observe

import (
	"context"
	"fmt"
	"slices"
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
	Share    bool // Share: the run's group is a share group, in which no member owns a partition.
	// OwnGroups: the consumer reads side topics, and may do so in groups of its own.
	OwnGroups bool
	Clock     ledger.Clock
	Journal   interface{ Append(ledger.Slot) error } // Journal takes what is seen, by one call at a time.
	// OwnerOf is the incarnation that a client id belongs to, 0 for none.
	OwnerOf func(clientID string) ledger.Owner
	// MaxGap is how long the observer may see nothing: [Watcher.Gaps] has each longer time.
	MaxGap time.Duration
	// PollEvery is how often a cluster that describes groups itself is polled. 0: the
	// package's [PollEvery].
	PollEvery time.Duration
}

// Watcher writes the commits and the owners of partitions to the journal, and what else
// the back end shows of the groups of a run. It does so from its start until Stop. The
// groups are the run's and those of the consumer's own, whose names start with the name
// of the run's group. Safe for concurrent use.
type Watcher struct {
	cfg     Config
	topics  map[string]uint16
	stop    func(context.Context) error
	stopped sync.Once

	mu        sync.Mutex
	groups    map[string]*group
	committed []int64     // of the run's group on the source
	fetched   []fetchedTo // fetched is by partition of the source.
	recreated []int64     // recreated are the times at which the source was gone, before it was created again.
	expelled  []Expulsion
	left      []Departure
	slow      []SlowCommit
	changes   int
	gaps      []Gap
	err       error

	wire          *wireView // wire is what the cluster sees on the wire, nil if it does not.
	lastRequested int64     // lastRequested is when the last poll that was answered was requested, ns on CLOCK_MONOTONIC.
}

// Watch starts to watch. Call it before the group forms.
func Watch(ctx context.Context, cfg Config) (*Watcher, error) {
	w := newWatcher(cfg)
	var err error
	if groups, sees := cfg.Cluster.(harness.GroupObserver); sees {
		err = w.watchCluster(groups)
	} else {
		if wire, sees := cfg.Cluster.(harness.WireObserver); sees {
			defer w.watchWire(wire)() // before the topic is read: a request comes before its record
		}
		err = w.watchOffsetsTopic(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("observe group %s: %w", cfg.Client.Group, err)
	}
	return w, nil
}

func newWatcher(cfg Config) *Watcher {
	w := &Watcher{cfg: cfg, topics: map[string]uint16{}, groups: map[string]*group{}, committed: make([]int64, cfg.Topics[0].Partitions), fetched: make([]fetchedTo, cfg.Topics[0].Partitions)}
	for number, t := range cfg.Topics {
		w.topics[t.Name] = uint16(number)
	}
	return w
}

// Stop ends the watch after it has seen everything that happened before the call, or
// returns why it could not. Further calls return the same.
func (w *Watcher) Stop(ctx context.Context) error {
	w.stopped.Do(func() {
		if err := w.stop(ctx); err != nil {
			w.keepError(err)
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Owners is the name of the pod that has each partition of the source, "" for none.
func (w *Watcher) Owners() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	owned := w.groupNamed(w.cfg.Client.Group).owned[0]
	names := make([]string, len(owned))
	for p, o := range owned {
		if o.owner != 0 {
			names[p] = podOf(o.client)
		}
	}
	return names
}

// Joined are the incarnations that are members of the run's group, as last seen.
func (w *Watcher) Joined() map[ledger.Owner]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	joined := map[ledger.Owner]bool{}
	for client := range w.groupNamed(w.cfg.Client.Group).members {
		if owner := w.cfg.OwnerOf(client); owner != 0 {
			joined[owner] = true
		}
	}
	return joined
}

// FetchedPartitions is how many partitions of the source the members of the share
// group fetch from, as last seen. The group hands out no record before that.
func (w *Watcher) FetchedPartitions() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.groupNamed(w.cfg.Client.Group).fetched)
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

// Left are the members of the groups that left by a request of their own.
func (w *Watcher) Left() []Departure {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.left)
}

// writeSlots appends to the journal. The caller holds mu.
func (w *Watcher) writeSlots(slots ...ledger.Slot) {
	for _, s := range slots {
		if err := w.cfg.Journal.Append(s); err != nil && w.err == nil {
			w.err = err
		}
	}
}

// Record writes facts that the harness knows by itself, next to what the watcher sees.
func (w *Watcher) Record(slots ...ledger.Slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeSlots(slots...)
}

// keepError keeps the first error.
func (w *Watcher) keepError(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

// Gap is a time in which the observer saw nothing, ns on CLOCK_MONOTONIC.
type Gap struct{ From, To int64 }

// noteGap notes that the observer saw nothing between two times.
func (w *Watcher) noteGap(from, to int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Duration(to-from) > w.cfg.MaxGap {
		w.gaps = append(w.gaps, Gap{from, to})
	}
}

// Gaps are the times longer than [Config.MaxGap] in which the observer saw nothing, so far.
func (w *Watcher) Gaps() []Gap {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.gaps)
}
