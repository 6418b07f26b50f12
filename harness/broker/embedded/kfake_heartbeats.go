package embedded

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness/broker/wire"
)

// The states of a classic group in which members wait for an answer.
const (
	preparing  = "PreparingRebalance"  // members wait in JoinGroup for the others
	completing = "CompletingRebalance" // members wait in SyncGroup for the leader
)

// handlingTime is how long kfake needs to handle a request that its control
// function has seen.
const handlingTime = time.Millisecond

// heartbeats keeps members of classic groups alive while they wait for a
// rebalance. Such members send no heartbeats, and Kafka expects none from them.
// kfake lets their session expire and does not recover: when it drops a member
// out of SyncGroup, it counts one joined member too few. The rebalance then ends
// only when more members have joined than there are, or when no member joins for
// a rebalance timeout. So this type sends the heartbeats for them.
type heartbeats struct {
	cluster *Cluster
	ctx     context.Context // ctx ends when the cluster closes.
	cancel  context.CancelFunc
	states  *sharedReads

	mu       sync.Mutex
	client   *kgo.Client              // client is nil until it is needed.
	sessions map[string]time.Duration // sessions has the session timeout of each member id.
}

// waitingMember is a member that waits for the response to one request.
type waitingMember struct {
	group, member string
	generation    int32
	state         string
}

func (w *heartbeats) watchMembers(c *Cluster) {
	w.cluster, w.sessions, w.states = c, map[string]time.Duration{}, newSharedReads(c.kfake.GroupInfo)
	w.ctx, w.cancel = context.WithCancel(context.Background())
	c.kfake.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.JoinGroupRequest)
		if req.MemberID == "" {
			return nil, nil, false // the member gets its id and joins again
		}
		w.mu.Lock()
		w.sessions[req.MemberID] = time.Duration(req.SessionTimeoutMillis) * time.Millisecond
		w.mu.Unlock()
		// kfake times no session of a new member until it has joined.
		if info := c.kfake.GroupInfo(req.Group); info != nil && isMember(info, req.MemberID) {
			w.keepAlive(waitingMember{req.Group, req.MemberID, info.Epoch, preparing})
		}
		return nil, nil, false
	})
	c.kfake.ControlKey(int16(kmsg.SyncGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.SyncGroupRequest)
		w.keepAlive(waitingMember{req.Group, req.MemberID, req.Generation, completing})
		return nil, nil, false
	})
}

// joiner is the sender of a JoinGroup. A static member need not know its member
// id.
type joiner struct {
	group, member, instance string
	session                 time.Duration
}

// memberIn returns the member id of a joiner that kfake has added to the group.
func (j joiner) memberIn(info *kfake.GroupInfo) (id string, ok bool) {
	for _, m := range info.Members {
		if m.MemberID == j.member || j.member == "" && stringOrEmpty(m.InstanceID) == j.instance {
			return m.MemberID, true
		}
	}
	return "", false
}

// noteBrokenJoin handles a member whose connection broke before it got the
// response to its JoinGroup. kfake adds it to the next generation, but starts
// the session of a new member only when it responds. A member that died while it
// joined would keep its partitions forever. Kafka starts the session in any
// case.
func (w *heartbeats) noteBrokenJoin(x *wire.Exchange) {
	req, ok := x.Request.(*kmsg.JoinGroupRequest)
	if !ok || x.Response != nil || req.MemberID == "" && req.InstanceID == nil {
		return
	}
	j := joiner{req.Group, req.MemberID, stringOrEmpty(req.InstanceID), time.Duration(req.SessionTimeoutMillis) * time.Millisecond}
	time.AfterFunc(handlingTime, func() { w.startSession(j) })
}

// startSession makes kfake start the session of a member, once the group has it.
func (w *heartbeats) startSession(j joiner) {
	done, err := w.cluster.use()
	if err != nil {
		return
	}
	defer done()
	for began := time.Now(); w.ctx.Err() == nil; time.Sleep(handlingTime) {
		info := w.states.groupInfo(j.group)
		if info == nil {
			return
		}
		id, ok := j.memberIn(info)
		if !ok && time.Since(began) < j.session {
			continue // kfake may not have handled the JoinGroup yet
		}
		if !ok {
			return
		}
		w.mu.Lock()
		w.sessions[id] = j.session
		w.mu.Unlock()
		m := waitingMember{j.group, id, info.Epoch, info.State}
		if err := w.sendHeartbeat(m); err != nil && !errors.Is(err, kerr.RebalanceInProgress) {
			continue // most often the group is in another generation now
		}
		if info.State == preparing {
			w.scheduleBeat(m)
		}
		return
	}
}

func isMember(info *kfake.GroupInfo, id string) bool {
	return slices.ContainsFunc(info.Members, func(m kfake.GroupMember) bool { return m.MemberID == id })
}

// keepAlive sends the first heartbeat as soon as kfake has the request. The
// request itself does not renew the session, and that of a pod that was paused
// may be nearly over.
func (w *heartbeats) keepAlive(m waitingMember) {
	time.AfterFunc(handlingTime, func() { w.beatIfWaiting(m) })
	w.scheduleBeat(m)
}

// scheduleBeat sends further heartbeats, one each third of the session.
func (w *heartbeats) scheduleBeat(m waitingMember) {
	w.mu.Lock()
	session := w.sessions[m.member]
	w.mu.Unlock()
	if session > 0 {
		time.AfterFunc(session/3, func() {
			if w.beatIfWaiting(m) {
				w.scheduleBeat(m)
			}
		})
	}
}

// beatIfWaiting sends the heartbeat of a member that still waits, and reports
// whether it does.
func (w *heartbeats) beatIfWaiting(m waitingMember) (waits bool) {
	done, err := w.cluster.use()
	if err != nil {
		return false
	}
	defer done()
	info := w.states.groupInfo(m.group)
	if info == nil || info.Epoch != m.generation || info.State != m.state || !isMember(info, m.member) {
		return false
	}
	_ = w.sendHeartbeat(m) // a later heartbeat may succeed; if not, the member is expelled and the run notices it
	return true
}

// sendHeartbeat sends one heartbeat for a member.
func (w *heartbeats) sendHeartbeat(m waitingMember) error {
	client, err := w.openClient()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(w.ctx, serveTimeout)
	defer cancel()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = m.group, m.member, m.generation
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

func (w *heartbeats) openClient() (*kgo.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client == nil {
		var err error
		w.client, err = kgo.NewClient(kgo.SeedBrokers(w.cluster.Seeds()...), kgo.Dialer(w.cluster.network.base.Dial), kgo.AlwaysRetryEOF(),
			kgo.MetadataMinAge(100*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))
		if err != nil {
			return nil, err
		}
	}
	return w.client, nil
}

// closeClient is called once no call uses the cluster any more.
func (w *heartbeats) closeClient() {
	if w.client != nil {
		w.client.Close()
	}
}

func stringOrEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
