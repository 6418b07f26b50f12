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
// the coordinator of a name from a hash over all nodes, dead ones too, and can
// only be told to hash everything anew; so that is done until no name that a
// client ever asked for falls on a dead node. What a coordinator knows is kept
// by all nodes alike, so nothing is lost on the way.
type coordinators struct {
	kfake *kfake.Cluster
	nodes int

	mu     sync.Mutex
	gone   map[int32]bool
	groups map[string]bool
	txns   map[string]bool
}

const (
	// txnTries bounds the search for a hash that suits transactional ids as
	// well: with many of them and one node in three dead there may be none. A
	// client left out waits until the node is back.
	txnTries = 5000
	// mostTries bounds the search for the groups, of which a run has a few.
	mostTries = 20_000
)

// watch sees who is asked for: a client asks for its coordinator before it
// can send it anything, and again when its connection breaks.
func (c *coordinators) watch(k *kfake.Cluster, nodes int) {
	c.kfake, c.nodes = k, nodes
	c.gone, c.groups, c.txns = map[int32]bool{}, map[string]bool{}, map[string]bool{}
	k.ControlKey(int16(kmsg.FindCoordinator), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.FindCoordinatorRequest)
		names := req.CoordinatorKeys
		if req.Version < 4 {
			names = []string{req.CoordinatorKey}
		}
		c.asked(names, req.CoordinatorType == transactional)
		return nil, nil, false
	})
}

// transactional is the coordinator type of a transactional id.
const transactional = 1

// asked remembers names and finds a living coordinator for those that are new.
func (c *coordinators) asked(names []string, txn bool) {
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
		// There is nobody to report to here: the client finds the dead node
		// and asks again.
		_ = c.rehash()
	}
}

// groupsLike are the groups that were ever asked for whose names start with
// prefix, sorted.
func (c *coordinators) groupsLike(prefix string) (names []string) {
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

// lose marks a node dead, regain alive; settle moves what dead nodes have.
func (c *coordinators) lose(id int32)   { c.mu.Lock(); defer c.mu.Unlock(); c.gone[id] = true }
func (c *coordinators) regain(id int32) { c.mu.Lock(); defer c.mu.Unlock(); delete(c.gone, id) }
func (c *coordinators) settle() error   { c.mu.Lock(); defer c.mu.Unlock(); return c.rehash() }

// rehash may be called from a control: kfake answers CoordinatorFor while it
// waits for one.
func (c *coordinators) rehash() error {
	if len(c.gone) == 0 || len(c.gone) == c.nodes {
		return nil
	}
	for try := range mostTries {
		if !c.stranded(c.groups) && (try > txnTries || !c.stranded(c.txns)) {
			return nil
		}
		c.kfake.RehashCoordinators()
	}
	return fmt.Errorf("no coordinator outside the dead nodes for all of %d groups in %d tries", len(c.groups), mostTries)
}

// stranded reports whether a dead node is the coordinator of any of the names.
func (c *coordinators) stranded(names map[string]bool) bool {
	for name := range names {
		if c.gone[c.kfake.CoordinatorFor(name)] {
			return true
		}
	}
	return false
}
