package observe

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// DeleteTopic deletes the source. It returns when no broker knows the topic any more.
func (c *Client) DeleteTopic(ctx context.Context) error {
	deleted, err := c.adm.DeleteTopics(ctx, c.Topic)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) { // a first try may have deleted it
		return fmt.Errorf("delete topic %s: %w", c.Topic, err)
	}
	return pollUntil(ctx, checkTopicEvery, func() (bool, error) {
		listed, err := c.adm.ListTopics(ctx)
		return err == nil && !listed.Has(c.Topic), err
	})
}

// TopicID is the id of the source.
func (c *Client) TopicID(ctx context.Context) ([16]byte, error) {
	listed, err := c.adm.ListTopics(ctx, c.Topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return [16]byte{}, fmt.Errorf("id of topic %s: %w", c.Topic, err)
	}
	return listed[c.Topic].ID, nil
}

// UseNextLog says that the source was deleted, and that what comes is another log.
func (c *Client) UseNextLog() { c.log.Add(1) }

// UseNextLog says that the source was deleted between two times: what clients do from the second
// one on concerns another log. The owner of a partition owns the one with its number there, until
// the group says otherwise.
func (w *Watcher) UseNextLog(deleted, gone int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recreated = append(w.recreated, gone)
	n := w.cfg.Topics[0].created()
	for _, g := range w.groups {
		owned := g.owned[0]
		for p := len(owned) - 1; p >= n; p-- {
			old := &owned[p-n]
			if old.owner == 0 {
				continue
			}
			b := bounds{member: deleted, vacated: deleted, assigned: deleted, seen: gone}
			w.writeTransfer(g.key, ledger.Position{Partition: int32(p - n)}, *old, ownership{}, false, b)
			b.assigned, b.seen = gone, gone
			w.writeTransfer(g.key, ledger.Position{Partition: int32(p)}, ownership{}, *old, false, b)
			owned[p], *old = *old, ownership{}
		}
	}
}
