package wire

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

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
func (x *reporter) reportAcks(group string, all []ackRange) {
	outcome := ackOutcomes(x.Response)
	for _, a := range all {
		one := harness.Acknowledgement{
			At: x.At, ClientID: x.Client, Group: group, Topic: x.topicName("", a.topicID), Partition: a.partition, Outcome: outcome(a.topicPartition),
		}
		for one.Offset = a.from; one.Offset <= a.to && len(a.types) > 0; one.Offset++ {
			// A range may have one type for all its records.
			one.Ack = ledger.Ack(a.types[min(int(one.Offset-a.from), len(a.types)-1)])
			if one.At = x.At; one.Ack == ledger.AckRelease {
				one.At-- // the same exchange may have delivered the record again
			}
			x.notify(group, func(see harness.GroupEvents) {
				if see.Acknowledge != nil {
					see.Acknowledge(one)
				}
			})
		}
	}
}

// reportAcquisitions reports the records that a share group delivered to a
// member.
func (x *reporter) reportAcquisitions(group string) {
	resp, ok := x.Response.(*kmsg.ShareFetchResponse)
	if !ok {
		return
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			for _, r := range p.AcquiredRecords {
				a := harness.Acquisition{
					At: x.AnsweredAt, ClientID: x.Client, Group: group, Topic: x.topicName("", t.TopicID), Partition: p.Partition,
					From: r.FirstOffset, To: r.LastOffset + 1, Deliveries: int(r.DeliveryCount),
				}
				x.notify(group, func(see harness.GroupEvents) {
					if see.Acquire != nil {
						see.Acquire(a)
					}
				})
			}
		}
	}
}
