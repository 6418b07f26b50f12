package embedded

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// sharedReads read the state of groups for several callers at once. A state costs as much as its
// group is large, and in a rebalance each member asks for it. Each caller gets a state that was
// read after its call.
type sharedReads struct {
	read func(group string) *kfake.GroupInfo

	mu      sync.Mutex
	waiting map[string]*sharedRead // waiting has, by group, the read that has not begun.
	turn    chan struct{}          // turn has capacity one: it is held during a read.
}

// sharedRead is one read of the state of a group.
type sharedRead struct {
	done chan struct{} // done is closed when info is there.
	info *kfake.GroupInfo
}

func newSharedReads(read func(group string) *kfake.GroupInfo) *sharedReads {
	return &sharedReads{read: read, waiting: map[string]*sharedRead{}, turn: make(chan struct{}, 1)}
}

// groupInfo returns the state of a group, nil if there is none.
func (s *sharedReads) groupInfo(group string) *kfake.GroupInfo {
	s.mu.Lock()
	r := s.waiting[group]
	if r != nil {
		s.mu.Unlock()
		<-r.done
		return r.info
	}
	r = &sharedRead{done: make(chan struct{})}
	s.waiting[group] = r
	s.mu.Unlock()
	s.turn <- struct{}{}
	s.mu.Lock()
	delete(s.waiting, group) // later callers need a later state
	s.mu.Unlock()
	r.info = s.read(group)
	<-s.turn
	close(r.done)
	return r.info
}
