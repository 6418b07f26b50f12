package client

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// FillRecord makes to the harness's view of a record. It shares the bytes of from and
// reuses the headers of to, so that handing a record over allocates nothing. It
// goes field by field: a record as a whole is copied more than once, and each time
// with all its pointers told to a garbage collector that runs.
func FillRecord(to *harness.Record, from *kgo.Record) {
	to.Topic, to.Partition, to.Offset = from.Topic, from.Partition, from.Offset
	to.Key, to.Value, to.Timestamp, to.Deliveries = from.Key, from.Value, from.Timestamp, 0
	to.Prepared = false
	to.Headers = to.Headers[:0]
	for _, h := range from.Headers {
		to.Headers = append(to.Headers, harness.Header{Key: h.Key, Value: h.Value})
	}
}

// ClearRecord lets go of the bytes a record points to: one value keeps the whole batch
// alive that it was fetched in.
func ClearRecord(r *harness.Record) {
	r.Key, r.Value = nil, nil
	clear(r.Headers)
	r.Headers = r.Headers[:0]
}
