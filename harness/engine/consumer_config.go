package engine

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// deliveryLimit is how often a share group delivers a record at most: the default of Kafka
// (group.share.delivery.count.limit).
const deliveryLimit = 5

const (
	// metadataBudget is how many partitions all pods together may be told of in a second. Each
	// response names all partitions, so the cost of a fleet grows with their product.
	metadataBudget = 25_000

	// fetchWaitPerPod bounds what the fetches of pods cost that have nothing to do: up to 500 pods
	// send a broker 500 of them a second.
	fetchWaitPerPod = 2 * time.Millisecond
	mostFetchWait   = time.Second
)

// metadataAgeFor is the interval between two requests for metadata of one pod.
func metadataAgeFor(pods, partitions int) time.Duration {
	told := time.Duration(pods) * time.Duration(partitions)
	return max(harness.DefaultMetadata, told*time.Second/metadataBudget)
}

// fetchWaitFor is how long a fetch of a pod waits for records.
func fetchWaitFor(pods int) time.Duration {
	return max(harness.DefaultFetchWait, min(time.Duration(pods)*fetchWaitPerPod, mostFetchWait))
}

// consumerConfig is the configuration of the consumer of a run. Seeds, topic and group
// follow when the cluster has started.
func consumerConfig(s *harness.Scenario, c harness.Selection, seed uint64) (harness.Config, error) {
	cfg := ScenarioConfig(s, seed)
	if err := c.Apply(&cfg); err != nil {
		return cfg, fmt.Errorf("consumer %s: %w", c.Name(), err)
	}
	return cfg, nil
}

// ScenarioConfig is the part of the configuration that all consumers of a scenario share.
func ScenarioConfig(s *harness.Scenario, seed uint64) harness.Config {
	return harness.Config{
		Partitions: (s.Partitions + s.Pods - 1) / max(s.Pods, 1),
		Workers:    s.Workers, Window: s.Window, MaxPoll: s.MaxPoll,
		Commit: s.Commit, Session: s.Session, Heartbeat: (s.Session / 6).Truncate(time.Millisecond), // brokers count in milliseconds
		Rebalance: 2 * s.Session, RevokeTimeout: s.Session / 2, Seed: seed,
		ShareLock: s.Session, DeliveryLimit: deliveryLimit,
		Metadata: metadataAgeFor(s.Pods, s.Partitions), FetchWait: fetchWaitFor(s.Pods),
	}
}
