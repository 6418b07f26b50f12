package client

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// FillRecord fills the harness's view of a record. It shares the bytes of from and reuses the
// headers of to, so it allocates nothing. It copies field by field: a copy of the whole
// struct would report all its pointers to a running garbage collector each time.
func FillRecord(to *harness.Record, from *kgo.Record) {
	to.Topic, to.Partition, to.Offset = from.Topic, from.Partition, from.Offset
	to.Key, to.Value, to.Timestamp, to.Deliveries = from.Key, from.Value, from.Timestamp, 0
	to.Prepared = false
	to.Headers = to.Headers[:0]
	for _, h := range from.Headers {
		to.Headers = append(to.Headers, harness.Header{Key: h.Key, Value: h.Value})
	}
}

// ClearRecord drops the bytes that a record points to. One value keeps its whole fetched
// batch in memory.
func ClearRecord(r *harness.Record) {
	r.Key, r.Value = nil, nil
	clear(r.Headers)
	r.Headers = r.Headers[:0]
}
