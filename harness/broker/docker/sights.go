package docker

import (
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/wire"
)

// sights are what observers of groups see of the exchanges on all fronts.
type sights struct {
	watching     sync.RWMutex // watching is read-locked by calls of observers; a writer waits for them.
	watches      map[*wireWatch]struct{}
	topics       sync.Map // topics has the names of topics by their ids, from responses to Metadata.
	noting       sync.Mutex
	ids          map[string][16]byte   // ids has the id of each topic.
	former       map[[16]byte]struct{} // former are the ids of topics that were deleted and created again.
	transactions wire.Transactions
}

// wireWatch is one observer of groups.
type wireWatch struct {
	prefix string
	see    harness.GroupEvents
}

// observedKeys are the kinds of exchanges that show what groups do, and those that name topics.
var observedKeys = append([]kmsg.Key{
	kmsg.Metadata, kmsg.OffsetCommit, kmsg.JoinGroup, kmsg.SyncGroup,
	kmsg.ShareGroupHeartbeat, kmsg.ShareFetch, kmsg.ShareAcknowledge,
	kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn,
}, wire.GroupKeys...)

// observer returns what the connections of a front call.
func (s *sights) observer() wire.Observer {
	return wire.Observer{
		Wants: func(key int16) bool { return slices.Contains(observedKeys, kmsg.Key(key)) },
		OnRequest: func(x *wire.Exchange) {
			s.transactions.NoteOwner(x)
			s.watching.RLock()
			defer s.watching.RUnlock()
			wire.ReportRequest(x, s.topicName, s.notify)
		},
		OnFetch: func(client string, at int64, req *kmsg.FetchRequest) {
			s.watching.RLock()
			defer s.watching.RUnlock()
			wire.ReportFetches(client, at, req, s.topicName, s.notify)
		},
		OnExchange: s.report,
		OnEnd: func(x *wire.Exchange) {
			s.watching.RLock()
			defer s.watching.RUnlock()
			wire.ReportEnd(x, s.notify)
		},
	}
}

// watch has see called for what clients do in the groups whose names have the prefix.
func (s *sights) watch(prefix string, see harness.GroupEvents) (stop func()) {
	w := &wireWatch{prefix, see}
	s.watching.Lock()
	defer s.watching.Unlock()
	if s.watches == nil {
		s.watches = map[*wireWatch]struct{}{}
	}
	s.watches[w] = struct{}{}
	return func() {
		s.watching.Lock()
		defer s.watching.Unlock()
		delete(s.watches, w)
	}
}

// report tells the observers what an exchange shows.
func (s *sights) report(x *wire.Exchange) {
	if resp, ok := x.Response.(*kmsg.MetadataResponse); ok {
		for _, t := range resp.Topics {
			if t.Topic != nil && t.TopicID != ([16]byte{}) {
				s.noteTopic(*t.Topic, t.TopicID)
			}
		}
		return
	}
	s.watching.RLock()
	defer s.watching.RUnlock()
	wire.ReportEvents(x, s.topicName, s.notify)
	for _, t := range s.transactions.EndedBy(x) {
		for w := range s.watches {
			if w.see.Transaction != nil {
				w.see.Transaction(t)
			}
		}
	}
}

// noteTopic notes the id of a topic. A topic that was deleted and created again has another one: then the former id
// has no name any more, since what a client asks of it is no matter of the new topic.
func (s *sights) noteTopic(topic string, id [16]byte) {
	s.noting.Lock()
	defer s.noting.Unlock()
	before, known := s.ids[topic]
	if _, is := s.former[id]; is || known && before == id {
		return // a broker may not know yet that it is a former one
	}
	if s.ids == nil {
		s.ids, s.former = map[string][16]byte{}, map[[16]byte]struct{}{}
	}
	if known {
		s.former[before] = struct{}{}
		s.topics.Delete(before)
	}
	s.ids[topic] = id
	s.topics.Store(id, topic)
}

// notify passes an event on to the observers of a group, or to all if the group is "". The caller holds watching.
func (s *sights) notify(group string, call func(harness.GroupEvents)) {
	for w := range s.watches {
		if group == "" || strings.HasPrefix(group, w.prefix) {
			call(w.see)
		}
	}
}

// topicName is the name of a topic by its id, if it has no name yet.
func (s *sights) topicName(topic string, id [16]byte) string {
	if known, ok := s.topics.Load(id); ok && topic == "" {
		return known.(string)
	}
	return topic
}
