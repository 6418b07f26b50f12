package consumers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// carryBatch is how many records are taken away together, at most.
const carryBatch = 500

// carry begins records taken under one assignment, has them taken away, all at once, and
// finishes them. buffer is room for their records, and is returned to be used again.
//
// None begins while the fence is shut: a copy that a pod makes of what others have by now
// would be worked on once more.
func carry(fence *Fence, tasks []task, buffer []*kgo.Record, away func(ctx context.Context, records []*kgo.Record) error) []*kgo.Record {
	a, n := tasks[0].from, 0
	buffer = buffer[:0]
	if fence.wait(a.ctx) != nil {
		return buffer
	}
	for n < len(tasks) && a.start(tasks[n].seq) {
		buffer = append(buffer, tasks[n].record)
		n++
	}
	if n == 0 {
		return buffer
	}
	err := away(a.ctx, buffer)
	for _, t := range tasks[:n] {
		a.finish(t.seq, err == nil)
		t.record.Recycle()
	}
	clear(buffer)
	return buffer
}

// runs calls take for the records of a turn, as many together as may be.
func runs(turn []task, together func(a, b task) bool, take func([]task)) {
	for from := 0; from < len(turn); {
		to := from + 1
		for to < len(turn) && together(turn[from], turn[to]) {
			to++
		}
		take(turn[from:to])
		from = to
	}
}
