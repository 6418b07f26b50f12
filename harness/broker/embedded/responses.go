package embedded

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stampede-bench/stampede/harness"
)

var _ harness.ResponseDropper = (*Cluster)(nil)

// DropResponses implements [harness.ResponseDropper]. It drops responses to requests
// that arrive after the call. After stop no response is dropped.
func (c *Cluster) DropResponses(key int16, clientPrefix string, limit int) (stop func() int, err error) {
	done, err := c.use()
	if err != nil {
		return nil, fmt.Errorf("drop responses: %w", err)
	}
	defer done()
	if limit < 0 {
		return nil, errors.New("drop responses: the limit is below zero")
	}
	l := &dropRule{key: key, clientPrefix: clientPrefix, limit: limit}
	c.network.dropRules.addRule(l)
	return func() int { return c.network.dropRules.removeRule(l) }, nil
}

// dropRule says which responses to drop.
type dropRule struct {
	key          int16
	clientPrefix string // clientPrefix is the prefix of the client id.
	limit        int    // limit is the most responses to drop, 0 for no limit.
	dropped      int
}

// dropRules are the rules of one network. The zero value drops nothing.
type dropRules struct {
	active atomic.Bool // active says whether there are losses, for those who read.

	mu    sync.Mutex
	rules []*dropRule
}

func (r *dropRules) addRule(l *dropRule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = append(r.rules, l)
	r.active.Store(true)
}

// removeRule returns how many responses the rule dropped.
func (r *dropRules) removeRule(l *dropRule) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = slices.DeleteFunc(r.rules, func(o *dropRule) bool { return o == l })
	r.active.Store(len(r.rules) > 0)
	return l.dropped
}

// hasRuleFor reports whether a rule drops responses to a kind of request.
func (r *dropRules) hasRuleFor(key int16) bool {
	if !r.active.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.rules, func(l *dropRule) bool { return l.key == key })
}

// matchRule returns the rule that a request falls under, nil for no rule.
func (r *dropRules) matchRule(key int16, client string) *dropRule {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.rules {
		if l.key == key && strings.HasPrefix(client, l.clientPrefix) {
			return l
		}
	}
	return nil
}

// countDrop counts one dropped response. It returns false if the rule was
// removed or its limit is reached.
func (r *dropRules) countDrop(l *dropRule) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.rules, l) || l.limit > 0 && l.dropped == l.limit {
		return false
	}
	l.dropped++
	return true
}
