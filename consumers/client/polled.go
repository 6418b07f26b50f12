package client

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// NotePolled tells the harness which records a poll returned. Each poll of a design is followed by it.
func NotePolled(cfg harness.Config, fetches kgo.Fetches) {
	if cfg.Polled == nil {
		return
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if n := len(p.Records); n > 0 {
			cfg.Polled(p.Topic, p.Partition, p.Records[0].Offset, p.Records[n-1].Offset+1)
		}
	})
}
