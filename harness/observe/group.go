package observe

import (
	"hash/fnv"
	"math"
	"strconv"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// group is a group as it was last seen. Times are ns on CLOCK_MONOTONIC, 0 before
// the first.
type group struct {
	key        uint32 // key is 0 for the run's group.
	generation int32
	membership
	size    int               // size is how many members it has, those of strangers included.
	clients map[string]string // clients are the client ids by member id, of past members too.

	settledRequested int64 // settledRequested is when the last poll that showed it settled was requested.
	lastAssigned     int64 // lastAssigned is when the cluster last reported an assignment.
	lastAnswered     int64 // lastAnswered is when the wire last showed what a member got.
	lastWritten      int64 // lastWritten is when its coordinator last wrote it to __consumer_offsets.
}

// membership is who is in a group and owns what.
type membership struct {
	owned   [][]ownership     // owned is by topic and partition.
	members map[string]string // members are the member ids by client id.
	fetched map[int32]bool    // fetched are the partitions of the source that the members of the share group fetch from.
}

// ownership is the member that owns a partition.
type ownership struct {
	owner      ledger.Owner
	client     string
	member     uint64
	generation int32
}

// snapshot is what a description of a group shows.
type snapshot struct {
	membership
	fresh map[ledger.Position]bool // fresh are partitions that their owner did not bring from the generation before.
}

func (w *Watcher) newMembership() membership {
	m := membership{members: map[string]string{}, fetched: map[int32]bool{}}
	for _, t := range w.cfg.Topics {
		m.owned = append(m.owned, make([]ownership, t.Partitions))
	}
	return m
}

// groupNamed is what is known of a group. The caller holds mu.
func (w *Watcher) groupNamed(name string) *group {
	g := w.groups[name]
	if g == nil {
		g = &group{membership: w.newMembership(), clients: map[string]string{}}
		if name != w.cfg.Client.Group {
			g.key = uint32(hash(name)) | 1
		}
		w.groups[name] = g
	}
	return g
}

// readSnapshot reads a description of a group. The caller holds mu.
func (w *Watcher) readSnapshot(g harness.Group, was *group) snapshot {
	is := snapshot{membership: w.newMembership(), fresh: map[ledger.Position]bool{}}
	for _, m := range g.Members {
		client := w.clientOf(m, was)
		if client == "" {
			continue // the next poll says which client it is
		}
		is.members[client], was.clients[m.ID] = m.ID, client
		owner := w.cfg.OwnerOf(client)
		if owner == 0 {
			continue
		}
		if w.cfg.Share && was.key == 0 {
			for _, p := range m.Partitions[w.cfg.Topics[0].Name] {
				is.fetched[p] = true
			}
			continue
		}
		w.eachPartition(m.Partitions, func(at ledger.Position) {
			is.owned[at.Topic][at.Partition] = ownership{owner, client, hash(m.ID), g.Generation}
		})
		w.eachPartition(m.Fresh, func(at ledger.Position) { is.fresh[at] = true })
	}
	return is
}

// eachPartition calls fn for each of the partitions that is one of the run's.
func (w *Watcher) eachPartition(partitions map[string][]int32, fn func(ledger.Position)) {
	for topic, list := range partitions {
		for _, p := range list {
			if at, ok := w.locate(topic, p, math.MaxInt64); ok {
				fn(at)
			}
		}
	}
}

// locate is the place in the ledger of a partition at a time; false: it is none of the run's.
func (w *Watcher) locate(topic string, partition int32, at int64) (ledger.Position, bool) {
	number, ok := w.topics[topic]
	if ok && number == 0 {
		for _, recreated := range w.recreated {
			if at >= recreated {
				partition += int32(w.cfg.Topics[0].created())
			}
		}
	}
	return ledger.Position{Topic: number, Partition: partition}, ok && partition >= 0 && int(partition) < w.cfg.Topics[number].Partitions
}

// clientOf is the client id of a member. A static member that comes back keeps the
// client id of its pod's previous incarnation in Kafka; so a new member id
// belongs to the latest incarnation of the pod.
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

// committer is the member that made a commit, where neither the broker nor the wire names it:
// the member whose id is the first word of the metadata, as franz-go has it. Without the wire it
// may also be the owner of the partition.
func (w *Watcher) committer(c harness.Commit, g *group, topic uint16) (client, member string) {
	member, _, _ = strings.Cut(c.Metadata, " ")
	if client, known := g.clients[member]; known {
		return client, member
	}
	if w.wire != nil {
		return "", ""
	}
	return g.owned[topic][c.Partition].client, ""
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

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}
