package embedded

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answerEpochs answers OffsetForLeaderEpoch, which a client asks after a leader
// move to learn where the log it has read ends in the log of the new leader
// (KIP-320).
//
// A Kafka leader knows of its epoch from the moment it leads. kfake knows of an
// epoch once a batch was written in it and until then answers "unknown" for the
// epoch before, which a client must take for a log that was cut: it rewinds and
// every record it gets again looks like the consumer's fault. No log here is
// ever cut, so what a client has read in any epoch is in the log, and its end is
// a true answer.
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

// endOfEpoch is the answer of a node for one partition; info is nil for a
// partition that does not exist.
func endOfEpoch(info *kfake.PartitionInfo, node int32, asked kmsg.OffsetForLeaderEpochRequestTopicPartition) kmsg.OffsetForLeaderEpochResponseTopicPartition {
	const unfenced = -1 // the client does not say which epoch it believes in
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
