package embedded

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// coordinators keeps groups and transactional ids off dead nodes. kfake derives
// the coordinator of a name from a hash over all nodes, dead ones included. All
// it offers is to hash all names again. So this type hashes again until no name
// that a client ever looked up falls on a dead node. In kfake all nodes share
// the coordinators' state, so nothing is lost.
type coordinators struct {
	kfake *kfake.Cluster
	nodes int

	mu     sync.Mutex
	dead   map[int32]bool
	groups map[string]bool
	txns   map[string]bool
}

const (
	// maxTxnAttempts bounds the search for a hash that suits transactional ids as
	// well. With many ids and one node in three dead there may be no such hash. A
	// client without a coordinator waits until the node is back.
	maxTxnAttempts = 5000
	// maxAttempts bounds the search for the groups, of which a run has a few.
	maxAttempts = 20_000
)

// watchLookups records the names that clients look up. A client looks up its
// coordinator before its first request, and again when its connection breaks.
func (c *coordinators) watchLookups(k *kfake.Cluster, nodes int) {
	c.kfake, c.nodes = k, nodes
	c.dead, c.groups, c.txns = map[int32]bool{}, map[string]bool{}, map[string]bool{}
	k.ControlKey(int16(kmsg.FindCoordinator), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.FindCoordinatorRequest)
		names := req.CoordinatorKeys
		if req.Version < 4 {
			names = []string{req.CoordinatorKey}
		}
		c.noteNames(names, req.CoordinatorType == transactional)
		return nil, nil, false
	})
}

// transactional is the coordinator type of a transactional id.
const transactional = 1

// noteNames records names and finds a living coordinator for the new ones.
func (c *coordinators) noteNames(names []string, txn bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.groups
	if txn {
		known = c.txns
	}
	before := len(known)
	for _, name := range names {
		known[name] = true
	}
	if len(known) > before {
		// A control function cannot return this error. The client finds the dead
		// node and looks the name up again.
		_ = c.rehash()
	}
}

// groupsWithPrefix returns, sorted, the groups that a client ever looked up
// whose names start with prefix.
func (c *coordinators) groupsWithPrefix(prefix string) (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.groups {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// markDead and markAlive record the state of a node; leaveDeadNodes moves groups
// and transactional ids off dead nodes.
func (c *coordinators) markDead(id int32)     { c.mu.Lock(); defer c.mu.Unlock(); c.dead[id] = true }
func (c *coordinators) markAlive(id int32)    { c.mu.Lock(); defer c.mu.Unlock(); delete(c.dead, id) }
func (c *coordinators) leaveDeadNodes() error { c.mu.Lock(); defer c.mu.Unlock(); return c.rehash() }

// rehash may be called from a control function: kfake answers CoordinatorFor
// while it waits for one.
func (c *coordinators) rehash() error {
	if len(c.dead) == 0 || len(c.dead) == c.nodes {
		return nil
	}
	for try := range maxAttempts {
		if !c.anyOnDeadNode(c.groups) && (try > maxTxnAttempts || !c.anyOnDeadNode(c.txns)) {
			return nil
		}
		c.kfake.RehashCoordinators()
	}
	return fmt.Errorf("no coordinator on a living node for all of %d groups after %d attempts", len(c.groups), maxAttempts)
}

// anyOnDeadNode reports whether a dead node is the coordinator of any of the names.
func (c *coordinators) anyOnDeadNode(names map[string]bool) bool {
	for name := range names {
		if c.dead[c.kfake.CoordinatorFor(name)] {
			return true
		}
	}
	return false
}
