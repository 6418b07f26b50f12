package wire

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// GroupKeys are the requests that [ReportEvents] reads of consumer groups.
var GroupKeys = []kmsg.Key{kmsg.OffsetFetch, kmsg.LeaveGroup, kmsg.ConsumerGroupHeartbeat, kmsg.ListOffsets}

// ReportEvents reports what an exchange that is over shows of a group: commits, rewinds, leaves,
// members' assignments, acquisitions and acknowledgements. topicName is the name of a topic by
// its name, or by its id where the request has no name. notify passes an event on to the observers of a group.
func ReportEvents(x *Exchange, topicName func(topic string, id [16]byte) string, notify func(group string, call func(harness.GroupEvents))) {
	r := reporter{x, topicName, notify}
	switch req := x.Request.(type) {
	case *kmsg.OffsetCommitRequest, *kmsg.TxnOffsetCommitRequest:
		r.reportCommits(true)
	case *kmsg.JoinGroupRequest:
		r.reportJoin()
	case *kmsg.OffsetFetchRequest:
		r.reportRewinds(req)
	case *kmsg.ListOffsetsRequest:
		r.reportResets(req)
	case *kmsg.LeaveGroupRequest:
		if req.Version < 3 {
			r.reportLeave(req.Group, req.MemberID)
		}
		for _, m := range req.Members {
			r.reportLeave(req.Group, m.MemberID)
		}
	case *kmsg.ConsumerGroupHeartbeatRequest:
		if req.MemberEpoch < 0 { // -1, and -2 of a static member that comes back
			r.reportLeave(req.Group, req.MemberID)
		}
		r.reportMember(req)
	case *kmsg.ShareFetchRequest:
		r.reportAcks(valueOf(req.GroupID), ackRangesIn(req))
		r.reportAcquisitions(valueOf(req.GroupID))
	case *kmsg.ShareAcknowledgeRequest:
		r.reportAcks(valueOf(req.GroupID), ackRangesIn(req))
	}
}

// ReportEnd reports when a request about a group or a transaction and its response passed.
// notify passes that on to the observers of the group, or to all if it is "".
func ReportEnd(x *Exchange, notify func(group string, call func(harness.GroupEvents))) {
	group, ok := groupOf(x.Request)
	if !ok {
		return
	}
	times := ledger.ExchangeTimes{Asked: x.AskedAt, Got: x.At, Answered: x.AnsweredAt, Returned: x.ReturnedAt}
	notify(group, func(see harness.GroupEvents) {
		if see.Exchange != nil {
			see.Exchange(harness.Exchange{ClientID: x.Client, Node: x.Node, APIKey: x.Request.Key(), ExchangeTimes: times})
		}
	})
}

// groupOf is the group that a request is about, "" for one about a transaction only. It
// reports false for all other requests.
func groupOf(req kmsg.Request) (group string, ok bool) {
	switch req := req.(type) {
	case *kmsg.OffsetCommitRequest:
		return req.Group, true
	case *kmsg.TxnOffsetCommitRequest:
		return req.Group, true
	case *kmsg.JoinGroupRequest:
		return req.Group, true
	case *kmsg.SyncGroupRequest:
		return req.Group, true
	case *kmsg.LeaveGroupRequest:
		return req.Group, true
	case *kmsg.ConsumerGroupHeartbeatRequest:
		return req.Group, true
	case *kmsg.ShareFetchRequest:
		return valueOf(req.GroupID), true
	case *kmsg.ShareAcknowledgeRequest:
		return valueOf(req.GroupID), true
	}
	id, _ := transactionOf(req)
	return "", id != ""
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// reportLeave reports a member that left by itself, whatever the broker answered.
func (x *reporter) reportLeave(group, member string) {
	l := harness.Leave{At: x.At, ClientID: x.Client, Group: group, MemberID: member}
	x.notify(group, func(see harness.GroupEvents) {
		if see.Leave != nil {
			see.Leave(l)
		}
	})
}

// reporter reports one exchange.
type reporter struct {
	*Exchange
	topicName func(topic string, id [16]byte) string
	notify    func(group string, call func(harness.GroupEvents))
}
