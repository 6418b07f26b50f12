package embedded

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/wire"
)

// watchCommits shows the watches every request that can move a group's offsets,
// before kfake handles it. kfake calls these functions one at a time, in the
// order in which it handles the requests.
func (c *Cluster) watchCommits() {
	c.kfake.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.OffsetCommitRequest)
		for _, w := range c.watchesOf(req.Group) {
			w.expectCommits(wire.CommitsIn(req, c.topicName))
		}
		return nil, nil, false
	})
	c.kfake.ControlKey(int16(kmsg.TxnOffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.TxnOffsetCommitRequest)
		for _, w := range c.watchesOf(req.Group) {
			w.stageCommits(transaction{req.TransactionalID, req.ProducerID, req.ProducerEpoch}, c.transactions.OwnerOf(req.TransactionalID), wire.CommitsIn(req, c.topicName))
		}
		return nil, nil, false
	})
	c.kfake.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.EndTxnRequest)
		for _, w := range c.allWatches() {
			w.endTransaction(transaction{req.TransactionalID, req.ProducerID, req.ProducerEpoch}, req.Commit)
		}
		return nil, nil, false
	})
}

func (c *Cluster) allWatches() []*groupWatch {
	c.watchesMu.Lock()
	defer c.watchesMu.Unlock()
	return slices.Clone(c.watches)
}

func (c *Cluster) watchesOf(group string) []*groupWatch {
	return slices.DeleteFunc(c.allWatches(), func(w *groupWatch) bool { return !strings.HasPrefix(group, w.prefix) })
}

// topicName returns the name of a topic. Newer requests give the topic's id
// instead. It is "" for a topic that does not exist or was deleted.
func (c *Cluster) topicName(name string, id [16]byte) string {
	if name != "" || id == ([16]byte{}) {
		return name
	}
	if known, ok := c.topicNames.Load(id); ok {
		return known.(string)
	}
	done, err := c.use()
	if err != nil {
		return ""
	}
	defer done()
	info := c.kfake.TopicIDInfo(id)
	if info == nil {
		return ""
	}
	c.topicNames.Store(id, info.Topic)
	return info.Topic
}

// watchDeletions decides the outcomes that are open before kfake deletes a topic or a group, and their
// commits with it.
func (c *Cluster) watchDeletions() {
	for _, key := range []kmsg.Key{kmsg.DeleteTopics, kmsg.DeleteGroups} {
		c.kfake.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.topicNames.Clear() // an id dies with its topic
			for _, w := range c.allWatches() {
				w.noteHandled(nil)
				for _, group := range w.groupsWithOpenCommits() {
					w.resolveCommits(group)
				}
			}
			return nil, nil, false
		})
	}
}

// watchSyncGroups notes the plan that the leader of each group sends, if kfake takes it. When the
// previous leader has gone, kfake tells every member that it is the leader.
func (c *Cluster) watchSyncGroups() {
	c.kfake.ControlKey(int16(kmsg.SyncGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.SyncGroupRequest)
		if len(req.GroupAssignment) == 0 {
			return nil, nil, false // a follower sends no plan
		}
		info := c.kfake.GroupInfo(req.Group)
		if info != nil && info.State == completing && info.Epoch == req.Generation && isMember(info, req.MemberID) {
			c.assignments.NotePlan(req, c.clock.Now())
		}
		return nil, nil, false
	})
}

// ObserveGroups reads the requests themselves.
//
// At of a commit is the moment just before the broker handled it: the commit
// request itself, or the EndTxn of its transaction. A commit is confirmed when
// the broker's state shows it. It is refused when the broker has handled a later
// request, and the state does not show it. If it did
// not show within a second, its outcome is unknown. A commit of an aborted
// transaction is not reported. ClientID is "" for a commit outside transactions
// by a client that is not a member. stop waits up to a second for open outcomes.
// Close stops every observer.
func (c *Cluster) ObserveGroups(prefix string, see harness.GroupEvents) (stop func(), err error) {
	done, err := c.use()
	if err != nil {
		return nil, fmt.Errorf("observe groups %s: %w", prefix, err)
	}
	defer done()
	w := newGroupWatch(c, prefix, see)
	go w.emitCommits()
	c.watchesMu.Lock()
	c.watches = append(c.watches, w)
	c.watchesMu.Unlock()
	return sync.OnceFunc(func() { c.stopWatch(w) }), nil
}

// stopWatch keeps the watch registered until no outcome is open: the next commit
// of a partition would hide an outcome that is still unknown.
func (c *Cluster) stopWatch(w *groupWatch) {
	w.stopAndDrain()
	c.watchesMu.Lock()
	c.watches = slices.DeleteFunc(c.watches, func(o *groupWatch) bool { return o == w })
	c.watchesMu.Unlock()
}

func (c *Cluster) stopWatches() {
	for _, w := range c.allWatches() {
		c.stopWatch(w)
	}
}
