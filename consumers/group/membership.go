package group

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// confirmMembership asks the group whether the client is a member. If it is not, the
// error is one that [isRefused] knows.
func confirmMembership(ctx context.Context, cl *kgo.Client, cfg harness.Config) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Session/2)
	defer cancel()
	id, generation := cl.GroupMetadata()
	if cfg.Protocol == harness.Server {
		return findConsumerMember(ctx, cl, cfg.Group, id)
	}
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = cfg.Group, id, generation
	if cfg.Protocol == harness.Static {
		req.InstanceID = &cfg.InstanceID
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	err = kerr.ErrorForCode(resp.ErrorCode)
	switch now, _ := cl.GroupMetadata(); {
	case errors.Is(err, kerr.RebalanceInProgress):
		return nil
	case errors.Is(err, kerr.IllegalGeneration) && now == id:
		// The group knows the member: a rebalance ended while the heartbeat was on its way.
		return fmt.Errorf("heartbeat overtaken by a rebalance: %v", err) // not wrapped, since it is no refusal
	}
	return err
}

// FindMember asks the group of cfg whether it has a member with an id. The error is
// kerr.UnknownMemberID if it has none.
func FindMember(ctx context.Context, cl *kgo.Client, cfg harness.Config, id string) error {
	if cfg.Protocol == harness.Server {
		return findConsumerMember(ctx, cl, cfg.Group, id)
	}
	return findClassicMember(ctx, cl, cfg.Group, func(m *kmsg.DescribeGroupsResponseGroupMember) bool { return m.MemberID == id })
}

// ConfirmInstanceID asks the group of cfg whether its instance id is with a client of this pod's
// incarnation. A static member that joins again fences the member that it was, and another pod
// under the same id fences both. The error is kerr.UnknownMemberID if another client has the id,
// or none.
func ConfirmInstanceID(ctx context.Context, cl *kgo.Client, cfg harness.Config) error {
	return findClassicMember(ctx, cl, cfg.Group, func(m *kmsg.DescribeGroupsResponseGroupMember) bool {
		return m.InstanceID != nil && *m.InstanceID == cfg.InstanceID && m.ClientID == cfg.ClientID()
	})
}

// findClassicMember asks a classic group whether it has a member of a kind.
func findClassicMember(ctx context.Context, cl *kgo.Client, group string, fits func(*kmsg.DescribeGroupsResponseGroupMember) bool) error {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{group}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("describe group: %w", err)
	}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return fmt.Errorf("describe group: %w", err)
		}
		for i := range g.Members {
			if fits(&g.Members[i]) {
				return nil
			}
		}
	}
	return kerr.UnknownMemberID
}

// findConsumerMember is FindMember for a group of KIP-848. There a heartbeat of our own
// could take away an answer that is meant for the client's.
func findConsumerMember(ctx context.Context, cl *kgo.Client, group, id string) error {
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Groups = []string{group}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("describe group: %w", err)
	}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return err
		}
		for _, m := range g.Members {
			if m.MemberID == id {
				return nil
			}
		}
	}
	return kerr.UnknownMemberID
}
