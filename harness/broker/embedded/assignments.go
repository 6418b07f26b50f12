package embedded

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/wire"
)

// assignments are the plans that leaders of classic groups send in SyncGroup:
// which member gets which partition in a generation. A group that rebalances
// again at once never shows such a plan to an observer that polls.
type assignments struct {
	mu      sync.Mutex
	clients map[string]string                  // clients has the client id of each member id.
	plans   map[string]harness.GroupAssignment // plans has the latest plan of each group until the group has accepted it.
}

// watchSyncGroups records the plan that the leader of each group sends. When the
// previous leader has gone, kfake tells every member that it is the leader. It
// accepts the plan of one of them only: the last one sent before the group has
// its assignment.
func (a *assignments) watchSyncGroups(c *Cluster) {
	c.kfake.ControlKey(int16(kmsg.SyncGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.SyncGroupRequest)
		if len(req.GroupAssignment) == 0 {
			return nil, nil, false // a follower sends no plan
		}
		info := c.kfake.GroupInfo(req.Group)
		if info != nil && info.State == completing && info.Epoch == req.Generation && isMember(info, req.MemberID) {
			a.recordPlan(req, c.clock.Now())
		}
		return nil, nil, false
	})
}

func (a *assignments) recordPlan(req *kmsg.SyncGroupRequest, now int64) {
	group := harness.Group{Name: req.Group, Generation: req.Generation, State: "Stable"}
	for _, m := range req.GroupAssignment {
		member := harness.Member{ID: m.MemberID, Partitions: map[string][]int32{}}
		var plan kmsg.ConsumerMemberAssignment
		if len(m.MemberAssignment) > 0 && plan.ReadFrom(m.MemberAssignment) != nil {
			return // not a consumer group
		}
		for _, t := range plan.Topics {
			member.Partitions[t.Topic] = t.Partitions
		}
		group.Members = append(group.Members, member)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.plans == nil {
		a.plans = map[string]harness.GroupAssignment{}
	}
	a.plans[req.Group] = harness.GroupAssignment{At: now, Group: group}
}

// noteJoinRequest records the client of a member before the broker gets the
// request.
func (a *assignments) noteJoinRequest(x *wire.Exchange) {
	if req, ok := x.Request.(*kmsg.JoinGroupRequest); ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.noteClient(req.MemberID, x.Client)
	}
}

func (a *assignments) noteClient(member, client string) {
	if member == "" {
		return
	}
	if a.clients == nil {
		a.clients = map[string]string{}
	}
	a.clients[member] = client
}

// completePlan returns the assignment that a group has accepted. The first
// response to SyncGroup in a generation shows that. The client of a member may
// still be unknown: a paused pod has not read the response with its member id
// yet.
func (a *assignments) completePlan(x *wire.Exchange) (taken harness.GroupAssignment, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch resp := x.Response.(type) {
	case *kmsg.JoinGroupResponse:
		a.noteClient(resp.MemberID, x.Client)
	case *kmsg.SyncGroupResponse:
		req := x.Request.(*kmsg.SyncGroupRequest)
		taken, ok = a.plans[req.Group]
		if !ok || resp.ErrorCode != 0 || taken.Group.Generation != req.Generation {
			return taken, false
		}
		delete(a.plans, req.Group)
		taken.Seen = x.AnsweredAt
		for i := range taken.Group.Members {
			m := &taken.Group.Members[i]
			m.ClientID = a.clients[m.ID]
		}
		return taken, true
	}
	return taken, false
}
