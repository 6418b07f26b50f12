package soak_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

var watchedDesigns atomic.Int64

// registerWatched registers a design under a name that no other test uses. completed is
// called for each record whose work succeeded.
func registerWatched(t *testing.T, name string, completed func(harness.Config, *harness.Record)) string {
	t.Helper()
	design, err := harness.FindImplementation(name)
	if err != nil {
		t.Fatal(err)
	}
	watched := *design
	watched.Name, watched.Mutant = fmt.Sprintf("watched-%s-%d", name, watchedDesigns.Add(1)), true
	watched.New = func(cfg harness.Config) (harness.Consumer, error) {
		c, err := design.New(cfg)
		return watchedConsumer{c, completed}, err
	}
	return harness.Register(watched).Name
}

type watchedConsumer struct {
	harness.Consumer
	completed func(harness.Config, *harness.Record)
}

func (c watchedConsumer) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	return c.Consumer.Consume(ctx, cfg, watchedWork{w, func(r *harness.Record) { c.completed(cfg, r) }})
}

type watchedWork struct {
	harness.Work
	completed func(*harness.Record)
}

func (w watchedWork) Do(ctx context.Context, r *harness.Record) error {
	err := w.Work.Do(ctx, r)
	if err == nil {
		w.completed(r)
	}
	return err
}
