package consumers_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// The coordinator is gone for a while, shorter than the session: the pod stays
// a member, and neither loses nor repeats.
func coordinatorGoneForAWhile(w *world, i *harness.Implementation, p harness.Protocol) {
	cfg := w.config("a", p)
	cfg.Session = 8 * outage
	w.cluster.SetGroupConfigs(groupName, map[string]string{"consumer.session.timeout.ms": strconv.FormatInt(cfg.Session.Milliseconds(), 10)})
	w.breakNetwork(i, cfg, w.cluster.ListenAddrs()[w.cluster.CoordinatorFor(groupName)])
	w.repeats(0)
	if w.Failed() {
		w.Logf("the group: %+v", w.cluster.GroupInfo(groupName))
	}
}

// With all brokers gone the client gives its membership up and joins again when
// they are back: what was not committed is repeated, nothing is lost.
func allBrokersGoneForAWhile(w *world, i *harness.Implementation, p harness.Protocol) {
	w.breakNetwork(i, w.config("a", p), w.cluster.ListenAddrs()...)
}

// outage is how long a broker is out of reach.
const outage = 1500 * time.Millisecond

func (w *world) breakNetwork(i *harness.Implementation, cfg harness.Config, brokers ...string) {
	net := &cable{via: w.dial}
	cfg.Dialer = net.dial
	w.effects.before = slow(5 * time.Millisecond)
	w.send(200)
	pod := w.start(i, cfg)
	w.await("work begins", func(e *effects) bool { return len(e.times) > 20 })
	if !i.Share {
		w.quiet(3 * cfg.Heartbeat)
	}
	net.set(brokers...)
	w.send(200)
	time.Sleep(outage)
	net.set()
	w.delivered()
	w.committed()
	pod.leave()
	w.asClaimed(i)
	w.noGoroutines()
}

// quiet waits until the group is stable and has not changed for so long: a join that an
// outage interrupts starts again.
func (w *world) quiet(long time.Duration) {
	w.Helper()
	epoch, since := int32(-1), time.Now()
	w.until(func() bool {
		g := w.cluster.GroupInfo(groupName)
		if g == nil || g.State != "Stable" || g.Epoch != epoch {
			since = time.Now()
		}
		if g != nil {
			epoch = g.Epoch
		}
		return time.Since(since) >= long
	}, func() string {
		return fmt.Sprintf("the group does not come to rest: %+v", w.cluster.GroupInfo(groupName))
	})
}

// cable is a pod's network. Brokers can be cut off: connections to them break
// and new ones fail.
type cable struct {
	via   dialer
	mu    sync.Mutex
	cut   map[string]bool // by address
	conns map[net.Conn]string
}

// errCut looks like what a dead broker answers: the client tells errors of the
// network apart by their type.
var errCut = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut[address] {
		return nil, errCut
	}
	conn, err := c.via(ctx, network, address)
	if err == nil {
		if c.conns == nil {
			c.conns = map[net.Conn]string{}
		}
		c.conns[conn] = address
	}
	return conn, err
}

// set cuts off the brokers named, and no others.
func (c *cable) set(cut ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = map[string]bool{}
	for _, address := range cut {
		c.cut[address] = true
	}
	for conn, address := range c.conns {
		if c.cut[address] {
			conn.Close()
			delete(c.conns, conn)
		}
	}
}
