package relay

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MaxCopyBatch is the most records that are copied together.
const MaxCopyBatch = 500

// CopyBatch starts tasks of one assignment, passes their records to copy all at once, and
// finishes them: completed, if copy returns nil. buffer is used for the records and
// returned for the next call.
//
// No task starts while the fence is closed. A copy of a record that has a new owner would be
// worked on once more.
func CopyBatch(fence *group.Fence, tasks []group.Task, buffer []*kgo.Record, copy func(ctx context.Context, records []*kgo.Record) error) []*kgo.Record {
	ctx, n := tasks[0].Assignment.Context(), 0
	buffer = buffer[:0]
	if fence.Wait(ctx) != nil {
		return buffer
	}
	for n < len(tasks) && tasks[n].Start() {
		buffer = append(buffer, tasks[n].Record)
		n++
	}
	if n == 0 {
		return buffer
	}
	err := copy(ctx, buffer)
	for _, t := range tasks[:n] {
		t.Finish(err == nil)
		t.Record.Recycle()
	}
	clear(buffer)
	return buffer
}
