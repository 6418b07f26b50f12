package group

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCommitErrorNamesEachPartition(t *testing.T) {
	resp := kmsg.NewPtrOffsetCommitResponse()
	topic := kmsg.NewOffsetCommitResponseTopic()
	topic.Topic = "t"
	for p, err := range []*kerr.Error{kerr.UnknownMemberID, nil, kerr.CoordinatorLoadInProgress} {
		partition := kmsg.NewOffsetCommitResponseTopicPartition()
		partition.Partition = int32(p)
		if err != nil {
			partition.ErrorCode = err.Code
		}
		topic.Partitions = append(topic.Partitions, partition)
	}
	resp.Topics = append(resp.Topics, topic)
	var committed []TopicPartition
	err := readCommitResponse(resp, func(p TopicPartition) { committed = append(committed, p) })
	if !errors.Is(err, kerr.UnknownMemberID) || !errors.Is(err, kerr.CoordinatorLoadInProgress) {
		t.Errorf("the error is %v, want both", err)
	}
	if !isRefused(err) {
		t.Error("the member would try a commit again that the group refused")
	}
	if len(committed) != 1 || committed[0].Partition != 1 {
		t.Errorf("committed %v, want partition 1", committed)
	}
}
