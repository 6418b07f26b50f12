package embedded

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// assignments are what the leaders of classic groups ask their groups to take: who
// has which partition in a generation. A group that rebalances again at once shows
// it to nobody who merely looks now and then.
type assignments struct {
	mu      sync.Mutex
	clients map[string]string             // clients are the client ids of members by member id.
	asked   map[string]harness.Assignment // asked has the latest of each group, until the group has taken it.
}

// watch takes note of what the leader of each group asks for. Where the leader
// before has gone, kfake tells each member that it is the leader, and takes only what
// one of them asks for: the last to ask before the group has its assignments.
func (a *assignments) watch(c *Cluster) {
	c.kfake.ControlKey(int16(kmsg.SyncGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.SyncGroupRequest)
		if len(req.GroupAssignment) == 0 {
			return nil, nil, false // it is not the leader
		}
		info := c.kfake.GroupInfo(req.Group)
		if info != nil && info.State == completing && info.Epoch == req.Generation && isMember(info, req.MemberID) {
			a.ask(req, c.clock.Now())
		}
		return nil, nil, false
	})
}

func (a *assignments) ask(req *kmsg.SyncGroupRequest, now int64) {
	group := harness.Group{Name: req.Group, Generation: req.Generation, State: "Stable"}
	for _, m := range req.GroupAssignment {
		member := harness.Member{ID: m.MemberID, Partitions: map[string][]int32{}}
		var plan kmsg.ConsumerMemberAssignment
		if len(m.MemberAssignment) > 0 && plan.ReadFrom(m.MemberAssignment) != nil {
			return // it is no group of consumers
		}
		for _, t := range plan.Topics {
			member.Partitions[t.Topic] = t.Partitions
		}
		group.Members = append(group.Members, member)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked == nil {
		a.asked = map[string]harness.Assignment{}
	}
	a.asked[req.Group] = harness.Assignment{At: now, Group: group}
}

// joins notes whose a member is, before the broker gets its request.
func (a *assignments) joins(x *exchange) {
	if req, ok := x.req.(*kmsg.JoinGroupRequest); ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.joined(req.MemberID, x.client)
	}
}

func (a *assignments) joined(member, client string) {
	if member == "" {
		return
	}
	if a.clients == nil {
		a.clients = map[string]string{}
	}
	a.clients[member] = client
}

// over returns the assignment that a group has taken, of which the first answer
// to a member's SyncGroup tells. Whose a member is may not be known yet: the answer
// with its id waits for a pod that stands still.
func (a *assignments) over(x *exchange) (taken harness.Assignment, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch resp := x.resp.(type) {
	case *kmsg.JoinGroupResponse:
		a.joined(resp.MemberID, x.client)
	case *kmsg.SyncGroupResponse:
		req := x.req.(*kmsg.SyncGroupRequest)
		taken, ok = a.asked[req.Group]
		if !ok || resp.ErrorCode != 0 || taken.Group.Generation != req.Generation {
			return taken, false
		}
		delete(a.asked, req.Group)
		taken.Seen = x.answeredAt
		for i := range taken.Group.Members {
			m := &taken.Group.Members[i]
			m.ClientID = a.clients[m.ID]
		}
		return taken, true
	}
	return taken, false
}
