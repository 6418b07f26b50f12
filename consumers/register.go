package consumers

import "github.com/stampede-bench/stampede/harness"

// allWorkers is the parallelism of a design in which any record can occupy any worker.
func allWorkers(cfg harness.Config) int { return cfg.Workers }

// deadLetters is the name of the side topic for records that a design gives up.
const deadLetters = "dead-letter"
