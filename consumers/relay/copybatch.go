package relay

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MaxCopyBatch is how many records are taken away together, at most.
const MaxCopyBatch = 500

// CopyBatch begins records taken under one assignment, has them taken away, all at once, and
// finishes them. buffer is room for their records, and is returned to be used again.
//
// None begins while the fence is shut: a copy that a pod makes of what others have by now
// would be worked on once more.
func CopyBatch(fence *group.Fence, tasks []group.Task, buffer []*kgo.Record, away func(ctx context.Context, records []*kgo.Record) error) []*kgo.Record {
	a, n := tasks[0].Assignment, 0
	buffer = buffer[:0]
	if fence.Wait(a.Context()) != nil {
		return buffer
	}
	for n < len(tasks) && tasks[n].Start() {
		buffer = append(buffer, tasks[n].Record)
		n++
	}
	if n == 0 {
		return buffer
	}
	err := away(a.Context(), buffer)
	for _, t := range tasks[:n] {
		t.Finish(err == nil)
		t.Record.Recycle()
	}
	clear(buffer)
	return buffer
}
