package measure

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Sample is a histogram of durations. The zero value is empty. Not safe for concurrent use.
type Sample struct{ values histogram }

// Record adds a value.
func (s *Sample) Record(d time.Duration) { s.values.recordValue(d) }

// Merge adds all values of another sample.
func (s *Sample) Merge(from *Sample) { s.values.mergeFrom(&from.values) }

// Quantiles summarise the sample.
func (s *Sample) Quantiles() harness.Quantiles { return s.values.quantiles() }
