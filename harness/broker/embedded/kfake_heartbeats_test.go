package embedded_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness/broker/embedded"
)

// raw is a group member that sends only the requests that the test asks for. Its
// session is one second, the shortest allowed.
type raw struct {
	t        *testing.T
	client   *kgo.Client
	id       string
	instance *string // instance is that of a static member, nil for others.
}

func newRaw(t *testing.T, c *embedded.Cluster, opts ...kgo.Opt) *raw {
	r := &raw{t: t, client: client(t, c, opts...)}
	if code := r.join().ErrorCode; code != kerr.MemberIDRequired.Code {
		t.Fatalf("first join: %v", kerr.ErrorForCode(code))
	}
	return r
}

func (r *raw) joining() *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.InstanceID, req.ProtocolType = group, r.id, r.instance, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 1000, 20_000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name = "any"
	req.Protocols = append(req.Protocols, p)
	return req
}

func (r *raw) join() *kmsg.JoinGroupResponse {
	req := r.joining()
	resp, err := req.RequestWith(within(r.t), r.client)
	if err != nil {
		r.t.Errorf("join: %v", err)
		return req.ResponseKind().(*kmsg.JoinGroupResponse)
	}
	r.id = resp.MemberID
	return resp
}

func (r *raw) sync(generation int32) error {
	_, err := r.assign(generation, nil)
	return err
}

// assign sends the SyncGroup of a leader with its plan, and returns the
// assignment that it gets itself.
func (r *raw) assign(generation int32, plan map[string][]byte) (got []byte, err error) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = group, r.id, generation
	for id, what := range plan {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = id, what
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	resp, err := req.RequestWith(within(r.t), r.client)
	if err != nil {
		return nil, err
	}
	return resp.MemberAssignment, kerr.ErrorForCode(resp.ErrorCode)
}

func (r *raw) leave() {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, r.id
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = r.id
	req.Members = append(req.Members, m)
	if _, err := req.RequestWith(within(r.t), r.client); err != nil {
		r.t.Errorf("leave: %v", err)
	}
}

func (r *raw) heartbeat(generation int32) error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = group, r.id, generation
	resp, err := req.RequestWith(within(r.t), r.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

// together makes both join one generation, with a as the leader.
func together(t *testing.T, c *embedded.Cluster, a, b *raw) (generation int32) {
	t.Helper()
	a.join()
	second := make(chan *kmsg.JoinGroupResponse)
	go func() { second <- b.join() }()
	eventually(t, "the other waits", func() bool { return len(c.Kfake().GroupInfo(group).Members) == 2 })
	first, other := a.join(), <-second
	if first.ErrorCode != 0 || other.ErrorCode != 0 || first.Generation != other.Generation || first.LeaderID != a.id {
		t.Fatalf("joined: %+v, %+v", first, other)
	}
	return first.Generation
}

// TestMemberThatWaitsForItsLeaderStaysInTheGroup removes a leader between its
// join and its plan. The follower waits for its assignment and must be told to
// join again under its old id.
func TestMemberThatWaitsForItsLeaderStaysInTheGroup(t *testing.T) {
	c := start(t, 1)
	leader, follower := newRaw(t, c), newRaw(t, c)
	generation := together(t, c, leader, follower)
	answered := make(chan error)
	go func() { answered <- follower.sync(generation) }()
	for range 10 {
		time.Sleep(200 * time.Millisecond) // the test is about the length of this wait
		if err := leader.heartbeat(generation); err != nil {
			t.Fatalf("heartbeat: %v", err)
		}
	}
	if err := <-answered; err != kerr.RebalanceInProgress {
		t.Errorf("the answer to the member that waited: %v", err)
	}
	id := follower.id
	if resp := follower.join(); resp.ErrorCode != 0 || follower.id != id || resp.LeaderID != id {
		t.Errorf("join again: %v, as %s, it was %s", kerr.ErrorForCode(resp.ErrorCode), follower.id, id)
	}
}

// TestMemberThatWaitsForOthersStaysInTheGroup makes a rebalance wait longer than
// a session for one member. Members that have joined must stay.
func TestMemberThatWaitsForOthersStaysInTheGroup(t *testing.T) {
	c := start(t, 1)
	leader, follower := newRaw(t, c), newRaw(t, c)
	generation := together(t, c, leader, follower)
	if err := leader.sync(generation); err != nil {
		t.Fatal(err)
	}
	if err := follower.sync(generation); err != nil {
		t.Fatal(err)
	}
	joined := make(chan *kmsg.JoinGroupResponse)
	go func() { joined <- leader.join() }() // a leader's join starts a rebalance
	for range 15 {
		time.Sleep(200 * time.Millisecond) // the test is about the length of this wait
		if err := follower.heartbeat(generation); err != nil && err != kerr.RebalanceInProgress {
			t.Fatalf("heartbeat: %v", err)
		}
	}
	id := follower.id
	resp := follower.join()
	if resp.ErrorCode != 0 || follower.id != id {
		t.Errorf("join: %v", kerr.ErrorForCode(resp.ErrorCode))
	}
	if other := <-joined; other.ErrorCode != 0 || other.Generation != resp.Generation {
		t.Errorf("the member that waited: %v, generation %d and %d", kerr.ErrorForCode(other.ErrorCode), other.Generation, resp.Generation)
	}
}

// TestMemberThatDiesWhileJoiningIsExpelled kills a member while its JoinGroup
// waits. The group adds it to the next generation and must expel it when its
// session is over.
func TestMemberThatDiesWhileJoiningIsExpelled(t *testing.T) {
	instance := "static"
	for name, newcomer := range map[string]func(*testing.T, *embedded.Cluster) *raw{
		"dynamic": func(t *testing.T, c *embedded.Cluster) *raw { return newRaw(t, c) },
		"static": func(t *testing.T, c *embedded.Cluster) *raw {
			return &raw{t: t, client: client(t, c), instance: &instance}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, 1)
			lives, dies := newRaw(t, c), newcomer(t, c)
			if err := lives.sync(lives.join().Generation); err != nil {
				t.Fatal(err)
			}
			failed := make(chan error)
			go func() {
				_, err := dies.joining().RequestWith(within(t), dies.client)
				failed <- err
			}()
			eventually(t, "the other waits", func() bool { return len(c.Kfake().GroupInfo(group).Members) == 2 })
			dies.client.Close()
			if err := <-failed; err == nil {
				t.Fatal("it had an answer")
			}
			both := lives.join()
			if err := lives.sync(both.Generation); err != nil || len(both.Members) != 2 {
				t.Fatalf("joined with %d members, %v", len(both.Members), err)
			}
			eventually(t, "the other is expelled", func() bool {
				if err := lives.heartbeat(both.Generation); err != nil && err != kerr.RebalanceInProgress {
					t.Fatalf("heartbeat: %v", err)
				}
				return len(c.Kfake().GroupInfo(group).Members) == 1
			})
		})
	}
}
