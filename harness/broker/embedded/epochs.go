package embedded

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answerEpochs answers OffsetForLeaderEpoch (KIP-320). After a leader change a
// client asks with it where the log that it has read ends in the log of the new
// leader.
//
// A Kafka leader knows its epoch from the moment it leads. kfake knows an epoch
// only after a batch was written in it. Until then it answers "unknown" for the
// previous epoch, and the client must conclude that the log was truncated. The
// client then rewinds, and the consumer gets the blame for the records that it
// reads again. No log here is ever truncated: whatever a client read in any
// epoch is still in the log, so the end of the log is a true answer.
func answerEpochs(k *kfake.Cluster) {
	k.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		req := r.(*kmsg.OffsetForLeaderEpochRequest)
		resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		node := k.CurrentNode()
		for _, t := range req.Topics {
			topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				topic.Partitions = append(topic.Partitions, endOfEpoch(k.PartitionInfo(t.Topic, p.Partition), node, p))
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
}

// endOfEpoch returns the answer of a node for one partition. info is nil for a
// partition that does not exist.
func endOfEpoch(info *kfake.PartitionInfo, node int32, asked kmsg.OffsetForLeaderEpochRequestTopicPartition) kmsg.OffsetForLeaderEpochResponseTopicPartition {
	const unfenced = -1 // the client does not say which epoch it knows
	answer := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
	answer.Partition = asked.Partition
	switch {
	case info == nil:
		answer.ErrorCode = kerr.UnknownTopicOrPartition.Code
	case info.Leader != node:
		answer.ErrorCode = kerr.NotLeaderForPartition.Code
	case asked.CurrentLeaderEpoch != unfenced && asked.CurrentLeaderEpoch < info.Epoch:
		answer.ErrorCode = kerr.FencedLeaderEpoch.Code
	case asked.CurrentLeaderEpoch > info.Epoch:
		answer.ErrorCode = kerr.UnknownLeaderEpoch.Code
	case asked.LeaderEpoch <= info.Epoch:
		answer.LeaderEpoch, answer.EndOffset = asked.LeaderEpoch, info.HighWatermark
	}
	return answer
}
