package client

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Produce appends records and waits until the broker has them, or ctx ends: then
// what becomes of them is open. Kgo's ProduceSync does not end with its context
// where a broker may have a record already, and with the client's own neither, but
// only with the client's Close, to which who waits in it never comes.
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
