package wire

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// Rules are the rules that apply to some connections. The zero value has none. Safe for
// concurrent use.
type Rules struct {
	mu     sync.Mutex                    // mu is held while active changes.
	active atomic.Pointer[[]*activeRule] // active is never changed in place.
}

// activeRule is a rule from its call until it is stopped.
type activeRule struct {
	harness.Rule
	stopped chan struct{}

	mu      sync.Mutex
	seen    int // seen counts the frames that the rule was about.
	changed int
	free    time.Time // free is when the bytes of earlier frames have passed.
	jitter  *rand.Rand
}

// Apply adds a rule. See [harness.RuleApplier].
func (r *Rules) Apply(rule harness.Rule) (stop func() int, err error) {
	if err := checkRule(rule); err != nil {
		return nil, fmt.Errorf("apply a rule: %w", err)
	}
	rule.Nodes = slices.Clone(rule.Nodes)
	a := &activeRule{Rule: rule, stopped: make(chan struct{}), jitter: rand.New(rand.NewPCG(1, 2))}
	r.change(func(all []*activeRule) []*activeRule { return append(all, a) })
	return sync.OnceValue(func() int {
		r.change(func(all []*activeRule) []*activeRule {
			return slices.DeleteFunc(all, func(o *activeRule) bool { return o == a })
		})
		close(a.stopped)
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.changed
	}), nil
}

// checkRule returns what makes no sense in a rule.
func checkRule(r harness.Rule) error {
	switch {
	case r.Key != harness.AnyKey && kmsg.RequestForKey(r.Key) == nil:
		return fmt.Errorf("no request has the key %d", r.Key)
	case r.Limit < 0 || r.Skip < 0 || r.Every < 0:
		return errors.New("its limit, skip or every is below zero")
	case r.Delay < 0 || r.Jitter < 0:
		return errors.New("its delay or jitter is below zero")
	case r.BytesPerSecond < 0 || r.CutAfter < 0:
		return errors.New("its bytes are below zero")
	case r.Then > harness.WireRefuse:
		return errors.New("its action is unknown")
	case r.Accepted && !r.OnResponse:
		return errors.New("only a response can be accepted: set OnResponse")
	case r.Answer != 0 && (!r.OnResponse || r.Accepted):
		return errors.New("only a response that is not accepted has an error code: set OnResponse, unset Accepted")
	case r.CutAfter > 0 && r.Then != harness.WireReset:
		return errors.New("only a reset cuts a frame: set Then to WireReset")
	case (r.Code != 0) != (r.Then == harness.WireRefuse):
		return errors.New("an error code and WireRefuse need each other")
	case r.Then == harness.WireRefuse && r.OnResponse:
		return errors.New("only a request can be refused: unset OnResponse")
	case r.Then == harness.WireRefuse && !hasErrorCode(r.Key):
		return fmt.Errorf("no response to requests of key %d has an error code", r.Key)
	}
	return nil
}

// change replaces the list of rules.
func (r *Rules) change(edit func([]*activeRule) []*activeRule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := edit(slices.Clone(r.all()))
	r.active.Store(&all)
}

// all are the rules in the order of their calls.
func (r *Rules) all() []*activeRule {
	if all := r.active.Load(); all != nil {
		return *all
	}
	return nil
}

// haveRuleFor reports whether a rule is about a kind of request.
func (r *Rules) haveRuleFor(key int16) bool {
	for _, a := range r.all() {
		if a.Key == key || a.Key == harness.AnyKey {
			return true
		}
	}
	return false
}

// haveRuleForAny reports whether a rule is about responses of all kinds.
func (r *Rules) haveRuleForAny() bool {
	for _, a := range r.all() {
		if a.Key == harness.AnyKey && a.OnResponse {
			return true
		}
	}
	return false
}

// message is a request or a response as rules see it.
type message struct {
	header
	node       int32
	onResponse bool
	size       int
	arrived    time.Time
	code       func() (int16, bool) // code is the first error code of a response, or 0; false: there is nothing to accept.
}

// isAbout reports whether a rule is about a message.
func (a *activeRule) isAbout(m *message) bool {
	return (a.Key == m.key || a.Key == harness.AnyKey) && a.OnResponse == m.onResponse &&
		strings.HasPrefix(m.client, a.Client) &&
		(len(a.Nodes) == 0 || slices.Contains(a.Nodes, m.node)) &&
		(!a.Accepted && a.Answer == 0 || a.isAboutCode(m)) &&
		(a.Then != harness.WireRefuse || m.version <= kmsg.RequestForKey(m.key).MaxVersion())
}

// isAboutCode reports whether a rule is about the error code of a response.
func (a *activeRule) isAboutCode(m *message) bool {
	code, ok := m.code()
	return ok && code == a.Answer // 0 if the rule is about accepted ones
}

// claim counts a message, and reports whether the rule changes it and after which wait.
func (a *activeRule) claim(m *message) (wait time.Duration, changes bool) {
	if !a.isAbout(m) {
		return 0, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.Limit > 0 && a.changed == a.Limit {
		return 0, false
	}
	a.seen++
	if a.seen <= a.Skip || (a.seen-a.Skip-1)%max(1, a.Every) != 0 {
		return 0, false
	}
	a.changed++
	now := time.Now()
	wait = a.Delay
	if a.Jitter > 0 {
		wait += time.Duration(a.jitter.Int64N(int64(a.Jitter)))
	}
	wait = max(0, wait-now.Sub(m.arrived))
	if a.BytesPerSecond > 0 {
		if a.free.Before(now) {
			a.free = now
		}
		a.free = a.free.Add(time.Duration(float64(m.size) / float64(a.BytesPerSecond) * float64(time.Second)))
		wait = max(wait, a.free.Sub(now))
	}
	return wait, true
}
