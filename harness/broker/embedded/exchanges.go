package embedded

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// told are the requests whose exchanges tell something that kfake's state does not.
var told = []kmsg.Key{
	kmsg.OffsetFetch, kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn,
	kmsg.ShareFetch, kmsg.ShareAcknowledge, kmsg.JoinGroup, kmsg.SyncGroup,
}

// tap listens to a connection.
func (c *Cluster) tap() *wiretap {
	return &wiretap{
		now:   c.clock.Now,
		wants: func(key int16) bool { return slices.Contains(told, kmsg.Key(key)) },
		asked: func(x *exchange) {
			c.transactions.asked(x)
			c.assignments.joins(x)
		},
		over: c.exchanged,
	}
}

// exchanged tells the watches what an exchange says.
func (c *Cluster) exchanged(x *exchange) {
	switch req := x.req.(type) {
	case *kmsg.OffsetFetchRequest:
		c.fetched(x, req)
	case *kmsg.ShareFetchRequest:
		c.acknowledged(x, orEmpty(req.GroupID), acksIn(req))
		c.acquired(x, orEmpty(req.GroupID))
	case *kmsg.ShareAcknowledgeRequest:
		c.acknowledged(x, orEmpty(req.GroupID), acksIn(req))
	case *kmsg.JoinGroupRequest, *kmsg.SyncGroupRequest:
		c.waiting.cutOff(x)
		if a, ok := c.assignments.over(x); ok {
			c.tell(c.watchesOf(a.Group.Name), func(see harness.GroupEvents) {
				if see.Assign != nil {
					see.Assign(a)
				}
			})
		}
	default:
		for _, t := range c.transactions.over(x) {
			c.tell(c.everyWatch(), func(see harness.GroupEvents) {
				if see.Transaction != nil {
					see.Transaction(t)
				}
			})
		}
	}
}

// tell calls fn for each watch that has not been stopped.
func (c *Cluster) tell(watches []*groupWatch, fn func(harness.GroupEvents)) {
	for _, w := range watches {
		w.telling.RLock()
		if !w.silent {
			fn(w.see)
		}
		w.telling.RUnlock()
	}
}

// fetched tells of members that went back to the commit: those that named
// themselves and partitions and were told an offset, or that there is none.
func (c *Cluster) fetched(x *exchange, req *kmsg.OffsetFetchRequest) {
	resp, ok := x.resp.(*kmsg.OffsetFetchResponse)
	if !ok {
		return
	}
	rewind := func(group, topic string, id [16]byte, partition int32) {
		r := harness.Rewind{At: x.at, ClientID: x.client, Group: group, Topic: c.topicName(topic, id), Partition: partition}
		c.tell(c.watchesOf(group), func(see harness.GroupEvents) {
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

// asMember reports whether a request asks for partitions of a group as a member
// does; before version 9 nobody could say that it is one.
func asMember(req *kmsg.OffsetFetchRequest, group string) bool {
	return slices.ContainsFunc(req.Groups, func(g kmsg.OffsetFetchRequestGroup) bool {
		return g.Group == group && g.Topics != nil && (g.MemberID != nil || req.Version < 9)
	})
}

// part is a partition of a topic by its id.
type part struct {
	topicID   [16]byte
	partition int32
}

// acks are the answers of a member for a range of records of one partition.
type acks struct {
	part
	from, to int64 // to is the last.
	types    []int8
}

// acksIn are the answers in a request.
func acksIn(req kmsg.Request) (all []acks) {
	add := func(topicID [16]byte, partition int32, b kmsg.ShareAcknowledgeRequestTopicPartitionAcknowledgementBatch) {
		all = append(all, acks{part{topicID, partition}, b.FirstOffset, b.LastOffset, b.AcknowledgeTypes})
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

// outcomes is what the broker says to the answers of a member, by partition.
func outcomes(resp kmsg.Response) func(part) ledger.Outcome {
	codes, all := map[part]int16{}, int16(0)
	switch resp := resp.(type) {
	case *kmsg.ShareFetchResponse:
		all = resp.ErrorCode
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				codes[part{t.TopicID, p.Partition}] = p.AcknowledgeErrorCode
			}
		}
	case *kmsg.ShareAcknowledgeResponse:
		all = resp.ErrorCode
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				codes[part{t.TopicID, p.Partition}] = p.ErrorCode
			}
		}
	}
	return func(at part) ledger.Outcome {
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

// acknowledged tells what a member of a share group answered, record by record.
func (c *Cluster) acknowledged(x *exchange, group string, all []acks) {
	outcome := outcomes(x.resp)
	for _, a := range all {
		one := harness.Acknowledgement{
			At: x.at, ClientID: x.client, Group: group, Topic: c.topicName("", a.topicID), Partition: a.partition, Outcome: outcome(a.part),
		}
		for one.Offset = a.from; one.Offset <= a.to && len(a.types) > 0; one.Offset++ {
			// One type stands for the whole range.
			one.Ack = ledger.Ack(a.types[min(int(one.Offset-a.from), len(a.types)-1)])
			if one.At = x.at; one.Ack == ledger.AckRelease {
				one.At-- // the same exchange may have handed the record out again
			}
			c.tell(c.watchesOf(group), func(see harness.GroupEvents) {
				if see.Acknowledge != nil {
					see.Acknowledge(one)
				}
			})
		}
	}
}

// acquired tells what a share group gave to a member.
func (c *Cluster) acquired(x *exchange, group string) {
	resp, ok := x.resp.(*kmsg.ShareFetchResponse)
	if !ok {
		return
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			for _, r := range p.AcquiredRecords {
				a := harness.Acquisition{
					At: x.answeredAt, ClientID: x.client, Group: group, Topic: c.topicName("", t.TopicID), Partition: p.Partition,
					From: r.FirstOffset, To: r.LastOffset + 1, Deliveries: int(r.DeliveryCount),
				}
				c.tell(c.watchesOf(group), func(see harness.GroupEvents) {
					if see.Acquire != nil {
						see.Acquire(a)
					}
				})
			}
		}
	}
}
