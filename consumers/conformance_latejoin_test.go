package consumers_test

import (
	"sync/atomic"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The group expels a static member, whose client joins again at once. The consumer replaces
// that client, and the JoinGroup of the new client overtakes the one of the old client. So
// the broker fences the new client for a member that no client runs. The pod joins once more.
func lateJoinOfAnExpelledMemberDoesNotEndItsPod(w *world, i *harness.Implementation, p harness.Protocol) {
	if p != harness.Static {
		return // only an instance id outlives a client
	}
	var expel atomic.Bool
	var joins atomic.Int32
	successor, fenced := make(chan struct{}), make(chan struct{})
	w.cluster.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		if r.(*kmsg.HeartbeatRequest).Group != groupName || !expel.Swap(false) {
			return nil, nil, false
		}
		resp := r.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.RebalanceInProgress.Code
		return resp, nil, true
	})
	w.cluster.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		req := r.(*kmsg.JoinGroupRequest)
		if req.Group != groupName {
			return nil, nil, false // a design may have groups of its own
		}
		switch joins.Add(1) {
		case 2: // after the heartbeat
			resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
			resp.ErrorCode = kerr.UnknownMemberID.Code
			return resp, nil, true
		case 3:
			w.cluster.SleepControl(func() { <-successor })
			close(fenced)
		case 4:
			close(successor)
		}
		return nil, nil, false
	})
	w.send(300)
	a := w.start(i, w.config("a", p))
	w.delivered()
	w.committed()
	expel.Store(true)
	w.until(func() bool {
		select {
		case <-fenced:
			return true
		default:
			return false
		}
	}, func() string { return "the consumer does not replace its client" })
	w.send(300)
	w.delivered()
	w.committed()
	w.asClaimed(i)
	a.leave()
	w.noGoroutines()
}
