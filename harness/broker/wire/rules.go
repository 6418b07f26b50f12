package wire

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stampede-bench/stampede/harness"
)

// Rules are the rules that apply to some connections. The zero value has none. Safe for
// concurrent use.
type Rules struct {
	active atomic.Bool // active reports whether there are rules, without the lock.

	mu    sync.Mutex
	rules []*activeRule
}

// activeRule is a rule from its call until it is stopped.
type activeRule struct {
	harness.Rule
	stopped chan struct{}
	seen    int // seen counts the frames that the rule was about.
	changed int
}

// Apply adds a rule. See [harness.RuleApplier].
func (r *Rules) Apply(rule harness.Rule) (stop func() int, err error) {
	switch {
	case rule.Limit < 0 || rule.Skip < 0:
		return nil, errors.New("apply a rule: its limit or skip is below zero")
	case rule.Delay < 0:
		return nil, errors.New("apply a rule: its delay is below zero")
	case rule.Then > harness.WireDrop:
		return nil, errors.New("apply a rule: its action is unknown")
	}
	a := &activeRule{Rule: rule, stopped: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = append(r.rules, a)
	r.active.Store(true)
	return sync.OnceValue(func() int { return r.remove(a) }), nil
}

// remove returns how many frames the rule changed.
func (r *Rules) remove(a *activeRule) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(a.stopped)
	r.rules = slices.DeleteFunc(r.rules, func(o *activeRule) bool { return o == a })
	r.active.Store(len(r.rules) > 0)
	return a.changed
}

// haveRuleFor reports whether a rule is about a kind of request.
func (r *Rules) haveRuleFor(key int16) bool {
	if !r.active.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.rules, func(a *activeRule) bool { return a.Key == key })
}

// claimFrame counts a request, or a response, for the rules that are about it. It returns the
// rule that changes the frame, or nil if the frame passes. A rule that has reached its limit
// leaves the frame to the next rule.
func (r *Rules) claimFrame(h header, onResponse bool) *activeRule {
	if !r.active.Load() {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.rules {
		if a.Key != h.key || a.OnResponse != onResponse || !strings.HasPrefix(h.client, a.Client) || a.Limit > 0 && a.changed == a.Limit {
			continue
		}
		if a.seen++; a.seen > a.Skip {
			a.changed++
			return a
		}
	}
	return nil
}
