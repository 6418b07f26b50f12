package group_test

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A consumer that works on one record at a time.
func ExampleJoin() {
	consume := func(ctx context.Context, cfg harness.Config, work func(context.Context, *kgo.Record) error) error {
		return group.RunMemberships(func() error {
			m, err := group.Join(ctx, cfg, group.Options{})
			if err != nil {
				return err
			}
			defer m.Leave(func() {})
			var tasks []group.Task
			for ctx.Err() == nil {
				if tasks, err = m.Poll(ctx, cfg.MaxPoll, tasks[:0]); err != nil {
					return err
				}
				for _, t := range tasks {
					if m.Fence().Wait(t.Assignment.Context()) == nil && t.Start() {
						t.Finish(work(t.Assignment.Context(), t.Record) == nil)
					}
				}
			}
			return nil
		})
	}
	fmt.Println(consume(context.Background(), harness.Config{Pod: "pod-1"}, nil))
	// Output: client pod-1.0: no seeds
}

// A hook that commits one record less, to see which check finds it.
func ExampleHooks() {
	behind := group.Options{Hooks: group.Hooks{
		Offset: func(a *group.Assignment) (kgo.EpochOffset, bool) {
			next, ok := a.Uncommitted()
			next.Offset--
			return next, ok && next.Offset >= 0
		},
	}}
	_, err := group.Join(context.Background(), harness.Config{Pod: "pod-1"}, behind)
	fmt.Println(err)
	// Output: client pod-1.0: no seeds
}

func ExampleWatermark() {
	var w group.Watermark
	first := w.Track(10, 0)
	second := w.Track(11, 0)
	w.Complete(second)
	_, ok := w.Offset()
	fmt.Println("may commit:", ok)
	w.Complete(first)
	next, _ := w.Offset()
	fmt.Println("commit:", next.Offset)
	// Output:
	// may commit: false
	// commit: 12
}

func ExampleWindow() {
	w := group.NewWindow(10, 2, 100)
	w.Reserve(4)
	fmt.Println(w.WaitForRoom(context.Background()))
	w.Release(4)
	fmt.Println(w.WaitForRoom(context.Background()))
	// Output:
	// 6
	// 10
}
