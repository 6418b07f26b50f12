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
// answered at 20. With a time of the answer below 0 it is not over.
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
		report := wire.ReportEvents
		if x.Response == nil && x.AnsweredAt < 0 { // it is not over
			report, x.AnsweredAt = wire.ReportRequest, 0
		}
		report(x, nameTopic, func(group string, call func(harness.GroupEvents)) {
			call(harness.GroupEvents{
				CommitRequest: func(r harness.CommitRequest) {
					outcome := map[bool]string{true: "confirmed", false: fmt.Sprintf("refused %d", r.Code)}[r.Confirmed]
					add("%d-%d commit %s %s %s/%d %d %q by %s in %d ended %v %s producer %d", r.At, r.AnsweredAt, r.ClientID, r.Group, r.Topic, r.Partition, r.Offset,
						r.Metadata, r.MemberID, r.Generation, r.Ended, outcome, r.ProducerID)
				},
				Join: func(j harness.GroupJoin) { add("member %s of %s is %s", j.MemberID, j.Group, j.ClientID) },
				AssignMember: func(a harness.MemberAssignment) {
					add("%d-%d assign %s %s to %s in %s left %v", a.At, a.Seen, fmt.Sprint(a.Member.Partitions), a.Member.ClientID, a.Member.ID, a.Group, a.Left)
				},
				Rewind: func(r harness.Rewind) {
					add("%d rewind %s %s %s/%d to %d", r.At, r.ClientID, r.Group, r.Topic, r.Partition, r.Offset)
				},
				Leave: func(l harness.Leave) { add("%d leave %s %s %s", l.At, l.ClientID, l.Group, l.MemberID) },
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
	last.Group, last.MemberEpoch, last.MemberID, living.Group, living.MemberEpoch = "g", -1, "m", "g", 3
	classic, old := kmsg.NewPtrLeaveGroupRequest(), kmsg.NewPtrLeaveGroupRequest()
	classic.Version, classic.Group, classic.Members = 5, "h", []kmsg.LeaveGroupRequestMember{{MemberID: "n"}}
	old.Group, old.MemberID = "h", "o"
	wantLines(t, seen(&wire.Exchange{Request: last}, &wire.Exchange{Request: living}, &wire.Exchange{Request: classic}, &wire.Exchange{Request: old}),
		"10 leave pod-1.1 g m", "10 leave pod-1.1 h n", "10 leave pod-1.1 h o")
}

// TestCommitsHaveTheirClientAndTheirAnswer: a commit names who asked for it, in which generation, and
// what the broker answered. Codes that a coordinator sends for a commit that it may have written say
// nothing.
func TestCommitsHaveTheirClientAndTheirAnswer(t *testing.T) {
	text := "m 1"
	commit := func(code int16) *wire.Exchange {
		req := &kmsg.OffsetCommitRequest{Version: 10, Group: "g", MemberID: "m", Generation: 4}
		req.Topics = []kmsg.OffsetCommitRequestTopic{{TopicID: ordersID, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: 3, Offset: 7, Metadata: &text}}}}
		resp := &kmsg.OffsetCommitResponse{Version: 10}
		resp.Topics = []kmsg.OffsetCommitResponseTopic{{TopicID: ordersID, Partitions: []kmsg.OffsetCommitResponseTopicPartition{{Partition: 3, ErrorCode: code}}}}
		return &wire.Exchange{Request: req, Response: resp}
	}
	asked, broken := commit(0), commit(0)
	asked.Response, asked.AnsweredAt, broken.Response = nil, -1, nil
	txn := &kmsg.TxnOffsetCommitRequest{Version: 5, Group: "g", MemberID: "n", Generation: 2, ProducerID: 9}
	txn.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "orders", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Partition: 1, Offset: 5}}}}
	done := &kmsg.TxnOffsetCommitResponse{Version: 5}
	done.Topics = []kmsg.TxnOffsetCommitResponseTopic{{Topic: "orders", Partitions: []kmsg.TxnOffsetCommitResponseTopicPartition{{Partition: 1}}}}
	wantLines(t, seen(asked, commit(0), commit(22), commit(15), commit(7), broken, &wire.Exchange{Request: txn, Response: done}),
		`10-0 commit pod-1.1 g orders/3 7 "m 1" by m in 4 ended false refused 0 producer 0`,
		`10-20 commit pod-1.1 g orders/3 7 "m 1" by m in 4 ended true confirmed producer 0`,
		`10-20 commit pod-1.1 g orders/3 7 "m 1" by m in 4 ended true refused 22 producer 0`,
		`10-20 commit pod-1.1 g orders/3 7 "m 1" by m in 4 ended true refused 0 producer 0`,
		`10-20 commit pod-1.1 g orders/3 7 "m 1" by m in 4 ended true refused 0 producer 0`,
		`10-0 commit pod-1.1 g orders/3 7 "m 1" by m in 4 ended true refused 0 producer 0`,
		`10-20 commit pod-1.1 g orders/1 5 "" by n in 2 ended true confirmed producer 9`,
	)
}

// TestHeartbeatsShowAssignments: the answer to a KIP-848 heartbeat has the member's assignment if it
// changed. A request of an epoch below 0 leaves. A topic without a known name is left to the polls.
func TestHeartbeatsShowAssignments(t *testing.T) {
	beat := func(epoch int32, code int16, topics ...[16]byte) *wire.Exchange {
		resp := &kmsg.ConsumerGroupHeartbeatResponse{ErrorCode: code, MemberEpoch: epoch}
		if topics != nil {
			resp.Assignment = &kmsg.ConsumerGroupHeartbeatResponseAssignment{}
			for _, id := range topics {
				resp.Assignment.Topics = append(resp.Assignment.Topics, kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{TopicID: id, Partitions: []int32{0, 2}})
			}
		}
		return &wire.Exchange{Request: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", MemberID: "m", MemberEpoch: epoch}, Response: resp}
	}
	broken := beat(-1, 0)
	broken.Response = nil
	wantLines(t, seen(beat(1, 0), beat(1, 0, ordersID), beat(1, 0, [16]byte{1}), beat(1, 110, ordersID), broken, beat(-1, 0)),
		"10-20 assign map[orders:[0 2]] pod-1.1 to m in g left false", "10 leave pod-1.1 g m", "10 leave pod-1.1 g m", "10-20 assign map[] pod-1.1 to m in g left true")
}

// TestMembersAreKnownByTheirConnection: the first answer to JoinGroup may only have the member id.
func TestMembersAreKnownByTheirConnection(t *testing.T) {
	first := &wire.Exchange{Request: &kmsg.JoinGroupRequest{Group: "g"}, Response: &kmsg.JoinGroupResponse{MemberID: "m", ErrorCode: 79}}
	second := &wire.Exchange{Request: &kmsg.JoinGroupRequest{Group: "g", MemberID: "m"}, AnsweredAt: -1}
	share := &wire.Exchange{Request: &kmsg.ShareGroupHeartbeatRequest{GroupID: "g", MemberID: "n"}, AnsweredAt: -1}
	wantLines(t, seen(first, second, share), "member m of g is pod-1.1", "member m of g is pod-1.1", "member n of g is pod-1.1")
}
