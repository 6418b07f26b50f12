package client

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// RemoveMember makes the group remove a member whose client is closed, as AdminClient's
// removeMembersFromConsumerGroup does. So the group need not wait for the session timeout,
// unless the request fails.
func RemoveMember(ctx context.Context, cfg harness.Config, id string) {
	options, err := BaseOptions(cfg)
	if err != nil || id == "" {
		return
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return
	}
	defer cl.Close()
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID = id
	if cfg.Protocol == harness.Static {
		member.InstanceID = &cfg.InstanceID
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID, req.Members = cfg.Group, id, []kmsg.LeaveGroupRequestMember{member}
	_, _ = req.RequestWith(ctx, cl)
}

// LeaveGroup makes a client leave its group and closes it. cancelRequests ends all requests
// of the client. If the group does not answer until ctx ends, it removes the member at the
// session timeout. Close alone would wait much longer for an answer, and for the end
// of a rebalance that waits for another member.
func LeaveGroup(ctx context.Context, cl *kgo.Client, cancelRequests func()) {
	cl.AllowRebalance()
	if cl.LeaveGroupContext(ctx) != nil {
		cancelRequests()
	}
	cl.Close()
	cl.AllowRebalance() // Close polls once more, and may wait for that in a goroutine
	cancelRequests()
}
