package engine

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Each request of an idle pod costs about as much as one with records, and a response with
// metadata as much as it has partitions.
func TestLargeFleetAsksLessOften(t *testing.T) {
	for _, c := range []struct {
		pods, partitions int
		metadata, fetch  time.Duration
	}{
		{3, 12, harness.DefaultMetadata, harness.DefaultFetchWait},
		{50, 100, harness.DefaultMetadata, harness.DefaultFetchWait},
		{125, 250, harness.DefaultMetadata, harness.DefaultFetchWait},
		{500, 1000, 20 * time.Second, time.Second},
		{1000, 10_000, 400 * time.Second, time.Second},
	} {
		if age, wait := metadataAgeFor(c.pods, c.partitions), fetchWaitFor(c.pods); age != c.metadata || wait != c.fetch {
			t.Errorf("%d pods on %d partitions ask for metadata each %v and fetch for %v, want %v and %v", c.pods, c.partitions, age, wait, c.metadata, c.fetch)
		}
	}
}
