package client

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// RemoveMember has the group drop a member whose client is closed, so that it need not
// wait for the end of its session. If that fails it waits.
func RemoveMember(ctx context.Context, cfg harness.Config, id string) {
	options, err := BaseOptions(cfg)
	if err != nil || id == "" {
		return
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return
	}
	defer client.Close()
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID = id
	if cfg.Protocol == harness.Static {
		member.InstanceID = &cfg.Pod
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID, req.Members = cfg.Group, id, []kmsg.LeaveGroupRequestMember{member}
	_, _ = req.RequestWith(ctx, client)
}

// LeaveGroup has a client leave its group and closes it; hangUp ends all its requests.
// Without an answer until ctx ends the group finds out at the session timeout: Close
// alone would wait for one much longer, and for the end of a rebalance that waits for
// somebody else.
func LeaveGroup(ctx context.Context, client *kgo.Client, hangUp func()) {
	client.AllowRebalance()
	if client.LeaveGroupContext(ctx) != nil {
		hangUp()
	}
	client.Close()
	client.AllowRebalance() // Close polls once more and may wait for itself in a goroutine it leaves behind
	hangUp()
}
