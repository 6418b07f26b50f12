package embedded

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// watchCommits shows every request that can move a group's offsets to the
// watches, before kfake handles it. The functions run on kfake's own loop, one
// at a time, in the order in which it handles the requests.
func (c *Cluster) watchCommits() {
	c.kfake.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.OffsetCommitRequest)
		for _, w := range c.watchesOf(req.Group) {
			w.commit(c.commitsIn(req))
		}
		return nil, nil, false
	})
	c.kfake.ControlKey(int16(kmsg.TxnOffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.TxnOffsetCommitRequest)
		for _, w := range c.watchesOf(req.Group) {
			w.stage(transaction{req.TransactionalID, req.ProducerID, req.ProducerEpoch}, c.transactions.client(req.TransactionalID), c.commitsIn(req))
		}
		return nil, nil, false
	})
	c.kfake.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.EndTxnRequest)
		for _, w := range c.everyWatch() {
			w.end(transaction{req.TransactionalID, req.ProducerID, req.ProducerEpoch}, req.Commit)
		}
		return nil, nil, false
	})
}

func (c *Cluster) everyWatch() []*groupWatch {
	c.watching.Lock()
	defer c.watching.Unlock()
	return slices.Clone(c.watches)
}

func (c *Cluster) watchesOf(group string) []*groupWatch {
	return slices.DeleteFunc(c.everyWatch(), func(w *groupWatch) bool { return !strings.HasPrefix(group, w.prefix) })
}

// topicName is the name of a topic that a request gives by its name or, as newer
// ones do, by its id; "" for one that does not exist, or that nobody knows any more.
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

// commitsIn are the commits in a request, those of a transaction too.
func (c *Cluster) commitsIn(req kmsg.Request) (commits []harness.Commit) {
	add := func(of harness.Commit, partition int32, offset int64, metadata *string) {
		of.Partition, of.Offset, of.Metadata = partition, offset, orEmpty(metadata)
		commits = append(commits, of)
	}
	switch req := req.(type) {
	case *kmsg.OffsetCommitRequest:
		of := harness.Commit{Group: req.Group, MemberID: req.MemberID, Generation: req.Generation}
		for _, t := range req.Topics {
			of.Topic = c.topicName(t.Topic, t.TopicID)
			for _, p := range t.Partitions {
				add(of, p.Partition, p.Offset, p.Metadata)
			}
		}
	case *kmsg.TxnOffsetCommitRequest:
		of := harness.Commit{Group: req.Group, MemberID: req.MemberID, Generation: req.Generation}
		for _, t := range req.Topics {
			of.Topic = c.topicName(t.Topic, t.TopicID)
			for _, p := range t.Partitions {
				add(of, p.Partition, p.Offset, p.Metadata)
			}
		}
	}
	return commits
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ObserveGroups sees the requests themselves.
//
// At of a commit is the moment just before the broker took it: its own request,
// or for one in a transaction the request that ended that. A commit is confirmed
// when the broker's state shows it; one that was refused, or that the state did
// not show within a second, is told unconfirmed, and one of a transaction that
// aborted not at all. Its ClientID is "" if it is by nobody who is a member, and
// outside a transaction. stop waits for the outcome of what was seen, a second at
// most; Close stops every observer.
func (c *Cluster) ObserveGroups(prefix string, see harness.GroupEvents) (stop func(), err error) {
	done, err := c.use()
	if err != nil {
		return nil, fmt.Errorf("observe groups %s: %w", prefix, err)
	}
	defer done()
	w := newGroupWatch(c, prefix, see)
	go w.run()
	c.watching.Lock()
	c.watches = append(c.watches, w)
	c.watching.Unlock()
	return sync.OnceFunc(func() { c.stopWatch(w) }), nil
}

// stopWatch has the watch see requests until nothing is open: the next commit
// of a partition would cover one whose outcome it does not know yet.
func (c *Cluster) stopWatch(w *groupWatch) {
	w.stop()
	c.watching.Lock()
	c.watches = slices.DeleteFunc(c.watches, func(o *groupWatch) bool { return o == w })
	c.watching.Unlock()
}

func (c *Cluster) stopWatches() {
	for _, w := range c.everyWatch() {
		c.stopWatch(w)
	}
}
