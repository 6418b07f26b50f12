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

// ask notes what a member says before the broker gets it.
func (a *assignments) ask(x *exchange) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch req := x.req.(type) {
	case *kmsg.JoinGroupRequest:
		a.joined(req.MemberID, x.client)
	case *kmsg.SyncGroupRequest:
		if len(req.GroupAssignment) == 0 {
			return // it is not the leader
		}
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
		if a.asked == nil {
			a.asked = map[string]harness.Assignment{}
		}
		a.asked[req.Group] = harness.Assignment{At: x.at, Group: group}
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
