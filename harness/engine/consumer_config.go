package engine

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// deliveryLimit is how often a share group delivers a record at most: the default of Kafka
// (group.share.delivery.count.limit).
const deliveryLimit = 5

// consumerConfig is the configuration of the consumer of a run. Seeds, topic and group
// follow when the cluster has started.
func consumerConfig(s *harness.Scenario, c harness.Selection, seed uint64) (harness.Config, error) {
	cfg := harness.Config{
		Partitions: (s.Partitions + s.Pods - 1) / max(s.Pods, 1),
		Workers:    s.Workers, Window: s.Window, MaxPoll: s.MaxPoll,
		Commit: s.Commit, Session: s.Session, Heartbeat: (s.Session / 6).Truncate(time.Millisecond), // brokers count in milliseconds
		Rebalance: 2 * s.Session, RevokeTimeout: s.Session / 2, Seed: seed,
		ShareLock: s.Session, DeliveryLimit: deliveryLimit,
	}
	if err := c.Apply(&cfg); err != nil {
		return cfg, fmt.Errorf("consumer %s: %w", c.Name(), err)
	}
	return cfg, nil
}
