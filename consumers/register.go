package consumers

import "github.com/stampede-bench/stampede/harness"

// workers is the parallelism of a pool that any record can occupy.
func workers(cfg harness.Config) int { return cfg.Workers }

func partitionsOrWorkers(cfg harness.Config) int {
	if cfg.Partitions == 0 {
		return cfg.Workers
	}
	return min(cfg.Workers, cfg.Partitions)
}

const deadLetters = "dead-letter"
