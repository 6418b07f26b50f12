package wire

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// Assignments follows the plans that leaders of classic groups send in SyncGroup:
// which member gets which partition in a generation. A group that rebalances
// again at once never shows such a plan to an observer that polls.
//
// When the previous leader has gone, a coordinator may tell several members that they lead. It
// accepts the plan of one of them only: the last one sent before the group has its assignment.
// So the back end notes only plans that its coordinator takes. The zero value has seen none.
// Safe for concurrent use.
type Assignments struct {
	mu      sync.Mutex
	clients map[string]string                  // clients has the client id of each member id.
	plans   map[string]harness.GroupAssignment // plans has the latest plan of each group until the group has accepted it.
}

// NotePlan notes a plan that the coordinator gets now.
func (a *Assignments) NotePlan(req *kmsg.SyncGroupRequest, now int64) {
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

// NoteJoin records the client of a member before the broker gets the
// request.
func (a *Assignments) NoteJoin(x *Exchange) {
	if req, ok := x.Request.(*kmsg.JoinGroupRequest); ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.noteClient(req.MemberID, x.Client)
	}
}

func (a *Assignments) noteClient(member, client string) {
	if member == "" {
		return
	}
	if a.clients == nil {
		a.clients = map[string]string{}
	}
	a.clients[member] = client
}

// Complete returns the assignment that a group has accepted. The first
// response to SyncGroup in a generation shows that. The client of a member may
// still be unknown: a paused pod has not read the response with its member id
// yet.
func (a *Assignments) Complete(x *Exchange) (taken harness.GroupAssignment, ok bool) {
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
