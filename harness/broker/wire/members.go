package wire

import (
	"cmp"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// reportJoin reports which client a member is of, as soon as the member id is known.
func (x *reporter) reportJoin() {
	var join harness.GroupJoin
	switch req := x.Request.(type) {
	case *kmsg.JoinGroupRequest:
		join.Group, join.MemberID = req.Group, req.MemberID
		if resp, ok := x.Response.(*kmsg.JoinGroupResponse); ok && resp.MemberID != "" {
			join.MemberID = resp.MemberID
		}
	case *kmsg.ShareGroupHeartbeatRequest:
		join.Group, join.MemberID = req.GroupID, req.MemberID
	}
	if join.MemberID == "" {
		return
	}
	join.ClientID = x.Client
	x.notify(join.Group, func(see harness.GroupEvents) {
		if see.Join != nil {
			see.Join(join)
		}
	})
}

// reportMember reports what a heartbeat of KIP-848 changed: the coordinator gave the member
// another assignment, or the member left.
func (x *reporter) reportMember(req *kmsg.ConsumerGroupHeartbeatRequest) {
	resp, ok := x.Response.(*kmsg.ConsumerGroupHeartbeatResponse)
	if !ok || resp.ErrorCode != 0 {
		return
	}
	m := harness.MemberAssignment{
		At: x.At, Seen: x.AnsweredAt, Group: req.Group, Generation: resp.MemberEpoch, Left: req.MemberEpoch < 0,
		Member: harness.Member{ID: cmp.Or(valueOf(resp.MemberID), req.MemberID), ClientID: x.Client, Partitions: map[string][]int32{}},
	}
	switch {
	case m.Left:
	case resp.Assignment == nil:
		return // it is as before
	default:
		for _, t := range resp.Assignment.Topics {
			name := x.topicName("", t.TopicID)
			if name == "" {
				return // a poll will show it
			}
			m.Member.Partitions[name] = t.Partitions
		}
	}
	x.notify(req.Group, func(see harness.GroupEvents) {
		if see.AssignMember != nil {
			see.AssignMember(m)
		}
	})
}
