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
)

// The states of a classic group in which members wait for an answer.
const (
	preparing  = "PreparingRebalance"  // members wait in JoinGroup for the others
	completing = "CompletingRebalance" // members wait in SyncGroup for the leader
)

// soon is when kfake has handled a request that its control function has seen.
const soon = time.Millisecond

// waiting keeps the members of classic groups alive that wait for a rebalance to
// go on. They send no heartbeats then, and Kafka does not ask them for any. kfake
// lets their session time out, and does not recover from it: it counts a member
// that it dropped out of SyncGroup as one less that has joined, and the
// rebalance ends only when more have joined than there are, or nobody tries to
// for a rebalance timeout. So they get heartbeats from here.
type waiting struct {
	cluster *Cluster
	ctx     context.Context // ctx ends with the cluster.
	cancel  context.CancelFunc

	mu       sync.Mutex
	client   *kgo.Client              // nil until it is needed
	sessions map[string]time.Duration // by member id
}

// wait is one request of a member that waits.
type wait struct {
	group, member string
	generation    int32
	state         string
}

func (w *waiting) watch(c *Cluster) {
	w.cluster, w.sessions = c, map[string]time.Duration{}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	c.kfake.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.JoinGroupRequest)
		if req.MemberID == "" {
			return nil, nil, false // it is told its id, and comes again
		}
		w.mu.Lock()
		w.sessions[req.MemberID] = time.Duration(req.SessionTimeoutMillis) * time.Millisecond
		w.mu.Unlock()
		// kfake times no session of a new member until it has joined.
		if info := c.kfake.GroupInfo(req.Group); info != nil && isMember(info, req.MemberID) {
			w.begin(wait{req.Group, req.MemberID, info.Epoch, preparing})
		}
		return nil, nil, false
	})
	c.kfake.ControlKey(int16(kmsg.SyncGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.SyncGroupRequest)
		w.begin(wait{req.Group, req.MemberID, req.Generation, completing})
		return nil, nil, false
	})
}

// joiner is who asks to join a group: a static member need not know its id.
type joiner struct {
	group, member, instance string
	session                 time.Duration
}

// in is the member id of a joiner that kfake has taken into the group.
func (j joiner) in(info *kfake.GroupInfo) (id string, ok bool) {
	for _, m := range info.Members {
		if m.MemberID == j.member || j.member == "" && orEmpty(m.InstanceID) == j.instance {
			return m.MemberID, true
		}
	}
	return "", false
}

// cutOff looks after a member whose connection broke before it had the answer to its
// JoinGroup. kfake takes it into the next generation and times the session of a new
// member from its answer on: one that died as it joined kept its partitions for ever.
// Kafka times it all the same.
func (w *waiting) cutOff(x *exchange) {
	req, ok := x.req.(*kmsg.JoinGroupRequest)
	if !ok || x.resp != nil || req.MemberID == "" && req.InstanceID == nil {
		return
	}
	who := joiner{req.Group, req.MemberID, orEmpty(req.InstanceID), time.Duration(req.SessionTimeoutMillis) * time.Millisecond}
	time.AfterFunc(soon, func() { w.expire(who) })
}

// expire has kfake time the session of a member, once the group has it.
func (w *waiting) expire(who joiner) {
	done, err := w.cluster.use()
	if err != nil {
		return
	}
	defer done()
	for began := time.Now(); w.ctx.Err() == nil; time.Sleep(soon) {
		info := w.cluster.kfake.GroupInfo(who.group)
		if info == nil {
			return
		}
		id, ok := who.in(info)
		if !ok && time.Since(began) < who.session {
			continue // kfake may have its request still to come
		}
		if !ok {
			return
		}
		w.mu.Lock()
		w.sessions[id] = who.session
		w.mu.Unlock()
		m := wait{who.group, id, info.Epoch, info.State}
		if err := w.heartbeat(m); err != nil && !errors.Is(err, kerr.RebalanceInProgress) {
			continue // the group has gone on to another generation, mostly
		}
		if info.State == preparing {
			w.later(m)
		}
		return
	}
}

func isMember(info *kfake.GroupInfo, id string) bool {
	return slices.ContainsFunc(info.Members, func(m kfake.GroupMember) bool { return m.MemberID == id })
}

// begin looks after a member as soon as kfake has its request, which alone does not
// prolong its session: that of a pod that stood still may be all but over.
func (w *waiting) begin(m wait) {
	time.AfterFunc(soon, func() { w.beat(m) })
	w.later(m)
}

// later looks after the member in a third of its session.
func (w *waiting) later(m wait) {
	w.mu.Lock()
	session := w.sessions[m.member]
	w.mu.Unlock()
	if session > 0 {
		time.AfterFunc(session/3, func() {
			if w.beat(m) {
				w.later(m)
			}
		})
	}
}

// beat sends the heartbeat of a member that waits still, and reports whether it does.
func (w *waiting) beat(m wait) (waits bool) {
	done, err := w.cluster.use()
	if err != nil {
		return false
	}
	defer done()
	info := w.cluster.kfake.GroupInfo(m.group)
	if info == nil || info.Epoch != m.generation || info.State != m.state || !isMember(info, m.member) {
		return false
	}
	_ = w.heartbeat(m) // there is nobody to report to: the next may do better, or the member is expelled, which the run notices
	return true
}

// heartbeat sends one for a member.
func (w *waiting) heartbeat(m wait) error {
	client, err := w.connect()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(w.ctx, serveWithin)
	defer cancel()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = m.group, m.member, m.generation
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

func (w *waiting) connect() (*kgo.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client == nil {
		var err error
		w.client, err = kgo.NewClient(kgo.SeedBrokers(w.cluster.Seeds()...), kgo.Dialer(w.cluster.network.on.Dial), kgo.AlwaysRetryEOF(),
			kgo.MetadataMinAge(100*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))
		if err != nil {
			return nil, err
		}
	}
	return w.client, nil
}

// close is called when nobody uses the cluster any more.
func (w *waiting) close() {
	if w.client != nil {
		w.client.Close()
	}
}
