package client

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Produce appends records and waits until the broker has them. If ctx ends first it returns
// the error of ctx, and whether the broker has them is unknown.
//
// Kgo's ProduceSync does not return when its context ends while a broker may have a record.
// It ends only with the client's Close, which the goroutine that waits never calls.
func Produce(ctx context.Context, c *kgo.Client, records ...*kgo.Record) error {
	var under sync.WaitGroup
	var mu sync.Mutex
	var failed error
	under.Add(len(records))
	for _, r := range records {
		c.Produce(ctx, r, func(_ *kgo.Record, err error) {
			defer under.Done()
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		under.Wait()
	}()
	select {
	case <-all:
		return failed
	case <-ctx.Done():
		return ctx.Err()
	}
}
