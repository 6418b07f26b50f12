package pool_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A design that keeps the order of customers, which are the first part of a key.
func ExampleSharded() {
	byCustomer := func(r *kgo.Record) uint64 {
		var hash uint64
		for _, b := range r.Key {
			if b == '/' {
				break
			}
			hash = 31*hash + uint64(b)
		}
		return hash
	}
	var consumer harness.Consumer = pool.Sharded{Shard: byCustomer}
	fmt.Println(consumer.Consume(context.Background(), harness.Config{Pod: "pod-1"}, nil))
	// Output: client pod-1.0: no seeds
}

// Items of one shard run in order, whatever other shards do.
func ExampleScheduler() {
	var mu sync.Mutex
	var evens []int
	s := pool.NewScheduler(4, 100, func() func(int) {
		return func(item int) {
			mu.Lock()
			defer mu.Unlock()
			if item%2 == 0 {
				evens = append(evens, item)
			}
		}
	})
	s.Submit([]int{0, 1, 2, 3, 4, 5, 6}, func(item int) uint64 { return uint64(item % 2) })
	s.Close()
	fmt.Println(evens)
	// Output: [0 2 4 6]
}
