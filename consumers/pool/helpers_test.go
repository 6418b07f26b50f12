package pool

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// doing is a function as the work.
type doing func(context.Context, *harness.Record) error

func (d doing) Do(ctx context.Context, r *harness.Record) error { return d(ctx, r) }

var errWork = errors.New("work failed")

// countingWork counts its calls.
type countingWork struct{ done atomic.Int64 }

func (w *countingWork) Do(context.Context, *harness.Record) error {
	w.done.Add(1)
	return nil
}

// assign is an assignment with n records accepted, offsets from 0 and keys in turn.
func assign(t *testing.T, n int, keys ...string) (*group.Assignment, []group.Task) {
	a := group.NewAssignment(t.Context(), group.TopicPartition{}, "", group.NewWindow(1000, 1, 100))
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Offset: int64(i), Key: []byte(keys[i%len(keys)])})
	}
	return a, a.Accept(records, nil)
}

// isQuiet reports whether no record is in work and no record may start.
func isQuiet(a *group.Assignment) bool {
	select {
	case <-a.Quiet():
		return true
	default:
		return false
	}
}
