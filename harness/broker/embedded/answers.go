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

// DropResponses implements [harness.ResponseDropper]. A request counts that comes after
// the call; once stop is called its answer is not lost any more.
func (c *Cluster) DropResponses(key int16, clientPrefix string, limit int) (stop func() int, err error) {
	done, err := c.use()
	if err != nil {
		return nil, fmt.Errorf("lose answers: %w", err)
	}
	defer done()
	if limit < 0 {
		return nil, errors.New("lose answers: a limit below zero")
	}
	l := &loss{key: key, client: clientPrefix, limit: limit}
	c.network.answers.add(l)
	return func() int { return c.network.answers.remove(l) }, nil
}

// loss is a kind of answer that gets lost.
type loss struct {
	key    int16
	client string // client is the prefix of the client id.
	limit  int    // 0: none
	lost   int
}

// answers are the losses of a network. The zero value loses nothing.
type answers struct {
	any atomic.Bool // any says whether there are losses, for those who read.

	mu     sync.Mutex
	losses []*loss
}

func (a *answers) add(l *loss) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.losses = append(a.losses, l)
	a.any.Store(true)
}

// remove returns how many were lost.
func (a *answers) remove(l *loss) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.losses = slices.DeleteFunc(a.losses, func(o *loss) bool { return o == l })
	a.any.Store(len(a.losses) > 0)
	return l.lost
}

// about reports whether there are losses of a kind of answer.
func (a *answers) about(key int16) bool {
	if !a.any.Load() {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.losses, func(l *loss) bool { return l.key == key })
}

// of is the loss that the answer to a request falls under, nil for none.
func (a *answers) of(key int16, client string) *loss {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.losses {
		if l.key == key && strings.HasPrefix(client, l.client) {
			return l
		}
	}
	return nil
}

// lose counts an answer as lost, unless its loss is over.
func (a *answers) lose(l *loss) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.losses, l) || l.limit > 0 && l.lost == l.limit {
		return false
	}
	l.lost++
	return true
}
