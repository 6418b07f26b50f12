package embedded

import (
	"fmt"
	"slices"
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
			w.commit(req.MemberID, w.ours(plainOffsets(req)))
		}
		return nil, nil, false
	})
	c.kfake.ControlKey(int16(kmsg.TxnOffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.TxnOffsetCommitRequest)
		for _, w := range c.watchesOf(req.Group) {
			w.stage(transaction{req.TransactionalID, req.ProducerID, req.ProducerEpoch}, req.MemberID, w.ours(txnOffsets(req)))
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

func (c *Cluster) everyWatch() []*commitWatch {
	c.watching.Lock()
	defer c.watching.Unlock()
	return slices.Clone(c.watches)
}

func (c *Cluster) watchesOf(group string) []*commitWatch {
	return slices.DeleteFunc(c.everyWatch(), func(w *commitWatch) bool { return w.group != group })
}

// offset is an offset to be committed; the topic is given by name or by id, as
// the version of the request has it.
type offset struct {
	topic     string
	topicID   [16]byte
	partition int32
	next      int64
}

func plainOffsets(req *kmsg.OffsetCommitRequest) (offsets []offset) {
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			offsets = append(offsets, offset{t.Topic, t.TopicID, p.Partition, p.Offset})
		}
	}
	return offsets
}

func txnOffsets(req *kmsg.TxnOffsetCommitRequest) (offsets []offset) {
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			offsets = append(offsets, offset{t.Topic, t.TopicID, p.Partition, p.Offset})
		}
	}
	return offsets
}

// ObserveCommits sees the requests themselves, so At is the moment just before
// the broker took a commit: of its own request, or for one in a transaction of
// the request that ended it. A commit is confirmed when the broker's state
// shows it; one that was refused, or that the state did not show within a
// second, is emitted unconfirmed, and one of a transaction that aborted not at
// all. ClientID is "" for a commit by nobody who is a member. emit is called
// from one goroutine. stop waits for the outcome of what was seen, a second at
// most; Close stops every observer.
func (c *Cluster) ObserveCommits(group, topic string, emit func(harness.Commit)) (stop func(), err error) {
	done, err := c.use()
	if err != nil {
		return nil, fmt.Errorf("observe commits of group %s: %w", group, err)
	}
	defer done()
	w := newCommitWatch(c, group, topic, emit)
	go w.run()
	c.watching.Lock()
	c.watches = append(c.watches, w)
	c.watching.Unlock()
	return sync.OnceFunc(func() { c.stopWatch(w) }), nil
}

// stopWatch has the watch see requests until nothing is open: the next commit
// of a partition would cover one whose outcome it does not know yet.
func (c *Cluster) stopWatch(w *commitWatch) {
	w.stop()
	c.watching.Lock()
	c.watches = slices.DeleteFunc(c.watches, func(o *commitWatch) bool { return o == w })
	c.watching.Unlock()
}

func (c *Cluster) stopWatches() {
	for _, w := range c.everyWatch() {
		c.stopWatch(w)
	}
}
