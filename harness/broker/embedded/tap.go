package embedded

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/wire"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// tappedKeys are the requests whose exchanges tell what kfake's state does not.
var tappedKeys = []kmsg.Key{
	kmsg.OffsetFetch, kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn,
	kmsg.ShareFetch, kmsg.ShareAcknowledge, kmsg.JoinGroup, kmsg.SyncGroup,
}

// newLine returns the observer and the rules of the connections to one node.
func (c *Cluster) newLine(node int32) *wire.Line {
	return &wire.Line{
		Node: node, Now: c.clock.Now, Rules: &c.rules,
		Observer: wire.Observer{
			Wants: func(key int16) bool { return slices.Contains(tappedKeys, kmsg.Key(key)) },
			OnRequest: func(x *wire.Exchange) {
				c.transactions.noteOwner(x)
				c.assignments.noteJoinRequest(x)
			},
			OnExchange: c.reportExchange,
		},
	}
}

var _ harness.RuleApplier = (*Cluster)(nil)

// ApplyRule implements [harness.RuleApplier].
func (c *Cluster) ApplyRule(rule harness.Rule) (stop func() int, err error) {
	done, err := c.use()
	if err != nil {
		return nil, fmt.Errorf("apply a rule: %w", err)
	}
	defer done()
	return c.rules.Apply(rule)
}

// reportExchange tells the watches what an exchange shows.
func (c *Cluster) reportExchange(x *wire.Exchange) {
	switch req := x.Request.(type) {
	case *kmsg.OffsetFetchRequest:
		c.reportRewinds(x, req)
	case *kmsg.ShareFetchRequest:
		c.reportAcks(x, stringOrEmpty(req.GroupID), ackRangesIn(req))
		c.reportAcquisitions(x, stringOrEmpty(req.GroupID))
	case *kmsg.ShareAcknowledgeRequest:
		c.reportAcks(x, stringOrEmpty(req.GroupID), ackRangesIn(req))
	case *kmsg.JoinGroupRequest, *kmsg.SyncGroupRequest:
		c.heartbeats.noteBrokenJoin(x)
		if a, ok := c.assignments.completePlan(x); ok {
			c.notifyWatches(c.watchesOf(a.Group.Name), func(see harness.GroupEvents) {
				if see.Assign != nil {
					see.Assign(a)
				}
			})
		}
	default:
		for _, t := range c.transactions.endedBy(x) {
			c.notifyWatches(c.allWatches(), func(see harness.GroupEvents) {
				if see.Transaction != nil {
					see.Transaction(t)
				}
			})
		}
	}
}

// notifyWatches calls fn for each watch that has not been stopped.
func (c *Cluster) notifyWatches(watches []*groupWatch, fn func(harness.GroupEvents)) {
	for _, w := range watches {
		w.notifying.RLock()
		if !w.silent {
			fn(w.see)
		}
		w.notifying.RUnlock()
	}
}

// reportRewinds reports members that went back to the commit. These are members
// that named themselves and their partitions, and got an offset or the answer
// that there is none.
func (c *Cluster) reportRewinds(x *wire.Exchange, req *kmsg.OffsetFetchRequest) {
	resp, ok := x.Response.(*kmsg.OffsetFetchResponse)
	if !ok {
		return
	}
	rewind := func(group, topic string, id [16]byte, partition int32) {
		r := harness.Rewind{At: x.At, ClientID: x.Client, Group: group, Topic: c.topicName(topic, id), Partition: partition}
		c.notifyWatches(c.watchesOf(group), func(see harness.GroupEvents) {
			if see.Rewind != nil {
				see.Rewind(r)
			}
		})
	}
	if req.Version < 8 {
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 && resp.ErrorCode == 0 && req.Topics != nil {
					rewind(req.Group, t.Topic, [16]byte{}, p.Partition)
				}
			}
		}
		return
	}
	for _, g := range resp.Groups {
		if g.ErrorCode != 0 || !asMember(req, g.Group) {
			continue
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 {
					rewind(g.Group, t.Topic, t.TopicID, p.Partition)
				}
			}
		}
	}
}

// asMember reports whether a request fetches commits of a group as a member
// does. Before version 9 a request cannot name its member.
func asMember(req *kmsg.OffsetFetchRequest, group string) bool {
	return slices.ContainsFunc(req.Groups, func(g kmsg.OffsetFetchRequestGroup) bool {
		return g.Group == group && g.Topics != nil && (g.MemberID != nil || req.Version < 9)
	})
}

// topicPartition is a partition of a topic, by the topic's id.
type topicPartition struct {
	topicID   [16]byte
	partition int32
}

// ackRange is what a member acknowledges for a range of records of one
// partition.
type ackRange struct {
	topicPartition
	from, to int64 // to is the last offset of the range.
	types    []int8
}

// ackRangesIn returns the acknowledgements in a request.
func ackRangesIn(req kmsg.Request) (all []ackRange) {
	add := func(topicID [16]byte, partition int32, b kmsg.ShareAcknowledgeRequestTopicPartitionAcknowledgementBatch) {
		all = append(all, ackRange{topicPartition{topicID, partition}, b.FirstOffset, b.LastOffset, b.AcknowledgeTypes})
	}
	switch req := req.(type) {
	case *kmsg.ShareFetchRequest:
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				for _, b := range p.AcknowledgementBatches {
					add(t.TopicID, p.Partition, kmsg.ShareAcknowledgeRequestTopicPartitionAcknowledgementBatch(b))
				}
			}
		}
	case *kmsg.ShareAcknowledgeRequest:
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				for _, b := range p.AcknowledgementBatches {
					add(t.TopicID, p.Partition, b)
				}
			}
		}
	}
	return all
}

// ackOutcomes returns the broker's response to acknowledgements, by partition.
func ackOutcomes(resp kmsg.Response) func(topicPartition) ledger.Outcome {
	codes, all := map[topicPartition]int16{}, int16(0)
	switch resp := resp.(type) {
	case *kmsg.ShareFetchResponse:
		all = resp.ErrorCode
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				codes[topicPartition{t.TopicID, p.Partition}] = p.AcknowledgeErrorCode
			}
		}
	case *kmsg.ShareAcknowledgeResponse:
		all = resp.ErrorCode
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				codes[topicPartition{t.TopicID, p.Partition}] = p.ErrorCode
			}
		}
	}
	return func(at topicPartition) ledger.Outcome {
		code, named := codes[at]
		switch {
		case all != 0 || code != 0:
			return ledger.OutcomeFailed
		case named:
			return ledger.OutcomeConfirmed
		}
		return ledger.OutcomeUnknown
	}
}

// reportAcks reports each record that a member of a share group acknowledged.
func (c *Cluster) reportAcks(x *wire.Exchange, group string, all []ackRange) {
	outcome := ackOutcomes(x.Response)
	for _, a := range all {
		one := harness.Acknowledgement{
			At: x.At, ClientID: x.Client, Group: group, Topic: c.topicName("", a.topicID), Partition: a.partition, Outcome: outcome(a.topicPartition),
		}
		for one.Offset = a.from; one.Offset <= a.to && len(a.types) > 0; one.Offset++ {
			// A range may have one type for all its records.
			one.Ack = ledger.Ack(a.types[min(int(one.Offset-a.from), len(a.types)-1)])
			if one.At = x.At; one.Ack == ledger.AckRelease {
				one.At-- // the same exchange may have delivered the record again
			}
			c.notifyWatches(c.watchesOf(group), func(see harness.GroupEvents) {
				if see.Acknowledge != nil {
					see.Acknowledge(one)
				}
			})
		}
	}
}

// reportAcquisitions reports the records that a share group delivered to a
// member.
func (c *Cluster) reportAcquisitions(x *wire.Exchange, group string) {
	resp, ok := x.Response.(*kmsg.ShareFetchResponse)
	if !ok {
		return
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			for _, r := range p.AcquiredRecords {
				a := harness.Acquisition{
					At: x.AnsweredAt, ClientID: x.Client, Group: group, Topic: c.topicName("", t.TopicID), Partition: p.Partition,
					From: r.FirstOffset, To: r.LastOffset + 1, Deliveries: int(r.DeliveryCount),
				}
				c.notifyWatches(c.watchesOf(group), func(see harness.GroupEvents) {
					if see.Acquire != nil {
						see.Acquire(a)
					}
				})
			}
		}
	}
}
