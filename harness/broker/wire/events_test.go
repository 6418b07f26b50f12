package wire_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/wire"
)

// seen are the events that exchanges show, a line each. An exchange begins at 10 and is
// answered at 20, but for those with times of their own.
func seen(all ...*wire.Exchange) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, x := range all {
		if x.Client == "" {
			x.Client = "pod-1.1"
		}
		if x.At == 0 {
			x.At = 10
		}
		if x.AnsweredAt == 0 && x.Response != nil {
			x.AnsweredAt = 20
		}
		wire.ReportEvents(x, nameTopic, func(group string, call func(harness.GroupEvents)) {
			call(harness.GroupEvents{
				Rewind: func(r harness.Rewind) {
					add("%d rewind %s %s %s/%d to %d", r.At, r.ClientID, r.Group, r.Topic, r.Partition, r.Offset)
				},
				Leave: func(l harness.Leave) { add("%d leave %s %s", l.At, l.ClientID, l.Group) },
				Acquire: func(a harness.Acquisition) {
					add("%d acquire %s %s %s/%d %d-%d delivery %d", a.At, a.ClientID, a.Group, a.Topic, a.Partition, a.From, a.To, a.Deliveries)
				},
				Acknowledge: func(a harness.Acknowledgement) {
					add("%d ack %s %s %s/%d@%d %d %v", a.At, a.ClientID, a.Group, a.Topic, a.Partition, a.Offset, a.Ack, a.Outcome)
				},
			})
		})
	}
	return lines
}

// ordersID is the id of the topic orders.
var ordersID = [16]byte{7}

func nameTopic(topic string, id [16]byte) string {
	if topic == "" && id == ordersID {
		return "orders"
	}
	return topic
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("seen:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestRewindsHaveTheCommitThatTheBrokerAnswered: a member learns from where to read by the answer to
// OffsetFetch, also in versions that name one group, and the topic by its id.
func TestRewindsHaveTheCommitThatTheBrokerAnswered(t *testing.T) {
	member, name := "m", "orders"
	fetch := func(version int16, offset int64, code int16) *wire.Exchange {
		req := &kmsg.OffsetFetchRequest{Version: version, Group: "g", Topics: []kmsg.OffsetFetchRequestTopic{{Topic: name}}}
		req.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "g", MemberID: &member, Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: name, TopicID: ordersID}}}}
		resp := &kmsg.OffsetFetchResponse{Version: version}
		if version < 8 {
			resp.Topics = []kmsg.OffsetFetchResponseTopic{{Topic: name, Partitions: []kmsg.OffsetFetchResponseTopicPartition{{Partition: 3, Offset: offset, ErrorCode: code}}}}
			return &wire.Exchange{Request: req, Response: resp}
		}
		topic := kmsg.OffsetFetchResponseGroupTopic{TopicID: ordersID, Partitions: []kmsg.OffsetFetchResponseGroupTopicPartition{{Partition: 3, Offset: offset, ErrorCode: code}}}
		resp.Groups = []kmsg.OffsetFetchResponseGroup{{Group: "g", Topics: []kmsg.OffsetFetchResponseGroupTopic{topic}}}
		return &wire.Exchange{Request: req, Response: resp}
	}
	notMember := fetch(9, 5, 0)
	notMember.Request.(*kmsg.OffsetFetchRequest).Groups[0].MemberID = nil
	wantLines(t, seen(fetch(2, 7, 0), fetch(10, 0, 0), fetch(10, -1, 0), fetch(10, 5, 3), notMember),
		"10 rewind pod-1.1 g orders/3 to 7", "10 rewind pod-1.1 g orders/3 to 0", "10 rewind pod-1.1 g orders/3 to -1")
}

// A member leaves by a request of its own, or by its last heartbeat.
func TestLeavesAreReported(t *testing.T) {
	last, living := kmsg.NewPtrConsumerGroupHeartbeatRequest(), kmsg.NewPtrConsumerGroupHeartbeatRequest()
	last.Group, last.MemberEpoch, living.Group, living.MemberEpoch = "g", -1, "g", 3
	classic := kmsg.NewPtrLeaveGroupRequest()
	classic.Group = "h"
	wantLines(t, seen(&wire.Exchange{Request: last}, &wire.Exchange{Request: living}, &wire.Exchange{Request: classic}),
		"10 leave pod-1.1 g", "10 leave pod-1.1 h")
}
