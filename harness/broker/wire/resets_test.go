package wire

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// A client that asks for the start or the end of a log is reported with what it got. One that
// asks for a time, or gets an error, is not.
func TestResetsAreReported(t *testing.T) {
	req, resp := kmsg.NewPtrListOffsetsRequest(), kmsg.NewPtrListOffsetsResponse()
	asked, answered := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsResponseTopic()
	asked.Topic, answered.Topic = "t", "t"
	for p, timestamp := range []int64{timestampEarliest, timestampLatest, 1700000000000, timestampEarliest} {
		ask, answer := kmsg.NewListOffsetsRequestTopicPartition(), kmsg.NewListOffsetsResponseTopicPartition()
		ask.Partition, ask.Timestamp = int32(p), timestamp
		answer.Partition, answer.Offset = int32(p), int64(10*p+5)
		if p == 3 {
			answer.ErrorCode = kerr.NotLeaderForPartition.Code
		}
		asked.Partitions, answered.Partitions = append(asked.Partitions, ask), append(answered.Partitions, answer)
	}
	req.Topics, resp.Topics = append(req.Topics, asked), append(resp.Topics, answered)
	var got []harness.Reset
	x := &Exchange{Client: "pod-1.1", AnsweredAt: 7, Request: req, Response: resp}
	ReportEvents(x, nil, func(_ string, call func(harness.GroupEvents)) {
		call(harness.GroupEvents{Reset: func(r harness.Reset) { got = append(got, r) }})
	})
	want := []harness.Reset{
		{At: 7, ClientID: "pod-1.1", Topic: "t", Partition: 0, Offset: 5},
		{At: 7, ClientID: "pod-1.1", Topic: "t", Partition: 1, Offset: 15, Latest: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
