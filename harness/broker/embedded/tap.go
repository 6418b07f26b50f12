package embedded

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/wire"
)

// tappedKeys are the requests whose exchanges tell what kfake's state does not.
var tappedKeys = append([]kmsg.Key{
	kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn,
	kmsg.OffsetCommit, kmsg.ShareFetch, kmsg.ShareAcknowledge, kmsg.JoinGroup, kmsg.SyncGroup,
}, wire.GroupKeys...)

// newLine returns the observer and the rules of the connections to one node.
func (c *Cluster) newLine(node int32) *wire.Line {
	return &wire.Line{
		Node: node, Now: c.clock.Now, Rules: &c.rules,
		Observer: wire.Observer{
			Wants: func(key int16) bool { return slices.Contains(tappedKeys, kmsg.Key(key)) },
			OnRequest: func(x *wire.Exchange) {
				c.transactions.NoteOwner(x)
				c.assignments.NoteJoin(x)
			},
			OnFetch:    c.reportFetches,
			OnExchange: c.reportExchange,
			OnEnd: func(x *wire.Exchange) {
				wire.ReportEnd(x, func(group string, call func(harness.GroupEvents)) {
					watches := c.allWatches()
					if group != "" {
						watches = c.watchesOf(group)
					}
					c.notifyWatches(watches, call)
				})
			},
		},
	}
}

var _ harness.RuleApplier = (*Cluster)(nil)

// ApplyRule implements [harness.RuleApplier].
func (c *Cluster) ApplyRule(rule harness.Rule) (stop func() int, err error) {
	done, err := c.use()
	if err != nil {
		return nil, fmt.Errorf("apply a rule: %w", err)
	}
	defer done()
	return c.rules.Apply(rule)
}

// reportExchange tells the watches what an exchange shows.
func (c *Cluster) reportExchange(x *wire.Exchange) {
	switch x.Request.(type) {
	case *kmsg.OffsetFetchRequest, *kmsg.ListOffsetsRequest, *kmsg.LeaveGroupRequest, *kmsg.ConsumerGroupHeartbeatRequest, *kmsg.ShareFetchRequest, *kmsg.ShareAcknowledgeRequest:
		wire.ReportEvents(x, c.topicName, func(group string, call func(harness.GroupEvents)) {
			c.notifyWatches(c.watchesOf(group), call)
		})
	case *kmsg.JoinGroupRequest, *kmsg.SyncGroupRequest:
		c.heartbeats.noteBrokenJoin(x)
		if a, ok := c.assignments.Complete(x); ok {
			c.notifyWatches(c.watchesOf(a.Group.Name), func(see harness.GroupEvents) {
				if see.Assign != nil {
					see.Assign(a)
				}
			})
		}
	default:
		for _, t := range c.transactions.EndedBy(x) {
			c.notifyWatches(c.allWatches(), func(see harness.GroupEvents) {
				if see.Transaction != nil {
					see.Transaction(t)
				}
			})
		}
	}
}

// reportFetches tells the watches from where a client reads on.
func (c *Cluster) reportFetches(client string, at int64, req *kmsg.FetchRequest) {
	wire.ReportFetches(client, at, req, c.topicName, func(topic string, call func(harness.GroupEvents)) {
		c.notifyWatches(c.watchesOf(topic), call)
	})
}

// notifyWatches calls fn for each watch that has not been stopped.
func (c *Cluster) notifyWatches(watches []*groupWatch, fn func(harness.GroupEvents)) {
	for _, w := range watches {
		w.notifying.RLock()
		if !w.silent {
			fn(w.see)
		}
		w.notifying.RUnlock()
	}
}
