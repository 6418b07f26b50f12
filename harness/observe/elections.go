package observe

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// askEpochsEvery is how often leaders are asked while an election goes on.
const askEpochsEvery = 100 * time.Millisecond

// LeaderEpochs is the leader epoch of each partition of the source. led: each has a leader.
func (c *Client) LeaderEpochs(ctx context.Context) (epochs []int32, led bool, err error) {
	meta, err := c.adm.Metadata(ctx, c.Topic)
	if err == nil {
		err = meta.Topics[c.Topic].Err
	}
	if err != nil {
		return nil, false, fmt.Errorf("leader epochs of %s: %w", c.Topic, err)
	}
	partitions := meta.Topics[c.Topic].Partitions.Sorted()
	led = true
	for _, p := range partitions {
		epochs, led = append(epochs, p.LeaderEpoch), led && p.Leader >= 0
	}
	return epochs, led, nil
}

// EpochEnds waits until each partition of the source has a leader. It returns where the log of each new leader
// parts from the log of a leader epoch before, by partition. A partition that still has that epoch is left out.
func (c *Client) EpochEnds(ctx context.Context, before []int32) (ends map[int32]int64, err error) {
	err = pollUntil(ctx, askEpochsEvery, func() (bool, error) {
		ends, err = c.epochEnds(ctx, before)
		return ends != nil, err
	})
	return ends, err
}

// epochEnds is EpochEnds, nil while a leader is missing or does not answer.
func (c *Client) epochEnds(ctx context.Context, before []int32) (map[int32]int64, error) {
	now, led, err := c.LeaderEpochs(ctx)
	if err != nil || !led || len(now) != len(before) {
		return nil, err
	}
	var ask kadm.OffsetForLeaderEpochRequest
	changed := 0
	for p, epoch := range now {
		if epoch != before[p] {
			ask.Add(c.Topic, int32(p), before[p])
			changed++
		}
	}
	ends := make(map[int32]int64, changed)
	if changed == 0 {
		return ends, nil
	}
	answers, err := c.adm.OffsetForLeaderEpoch(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("ends of leader epochs of %s: %w", c.Topic, err)
	}
	for p, a := range answers[c.Topic] {
		if a.Err == nil && a.EndOffset >= 0 {
			ends[p] = a.EndOffset
		}
	}
	if len(ends) < changed {
		return nil, nil
	}
	return ends, nil
}
