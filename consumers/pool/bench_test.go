package pool

import (
	"context"
	"fmt"
	"testing"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkScheduler is the cost of an item from submit to done, without work.
func BenchmarkScheduler(b *testing.B) {
	for _, workers := range []int{1, 8, 64} {
		for _, keys := range []int{16, 10_000} {
			b.Run(fmt.Sprintf("workers=%d/keys=%d", workers, keys), func(b *testing.B) {
				b.ReportAllocs()
				w := group.NewWindow(2000, workers, 500)
				s := NewScheduler(workers, 2000, func() func(int) {
					return func(int) { w.Release(1) }
				})
				batch := make([]int, 100)
				for i := 0; i < b.N; i += len(batch) {
					w.WaitForRoom(context.Background())
					w.Reserve(len(batch))
					for j := range batch {
						batch[j] = i + j
					}
					s.Submit(batch, func(i int) uint64 { return uint64(i*7919) % uint64(keys) })
				}
				s.Close()
			})
		}
	}
}

// BenchmarkBatchScheduler is BenchmarkScheduler for workers that take up to 20 items of a
// shard at a time.
func BenchmarkBatchScheduler(b *testing.B) {
	for _, keys := range []int{16, 10_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			b.ReportAllocs()
			w := group.NewWindow(2000, 8, 500)
			s := NewBatchScheduler(8, 2000, 20, func() func([]int) {
				return func(batch []int) { w.Release(len(batch)) }
			})
			batch := make([]int, 100)
			for i := 0; i < b.N; i += len(batch) {
				w.WaitForRoom(context.Background())
				w.Reserve(len(batch))
				for j := range batch {
					batch[j] = i + j
				}
				s.Submit(batch, func(i int) uint64 { return uint64(i*7919) % uint64(keys) })
			}
			s.Close()
		})
	}
}

// BenchmarkKeyed is all that keyed does with a record between the poll and the
// commit: assignment, shard, scheduler, worker, watermark.
func BenchmarkKeyed(b *testing.B) {
	for _, workers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.ReportAllocs()
			const partitions, perPoll = 12, 100
			w := group.NewWindow(500, workers, perPoll)
			var owned []*group.Assignment
			for range partitions {
				owned = append(owned, group.NewAssignment(context.Background(), group.TopicPartition{}, "", w))
			}
			records := make([][]*kgo.Record, 64)
			for i := range records {
				for j := range perPoll {
					records[i] = append(records[i], &kgo.Record{Key: fmt.Appendf(nil, "key-%d", i*perPoll+j), Value: make([]byte, 100)})
				}
			}
			var work countingWork
			s := NewScheduler(workers, 500, func() func(group.Task) { return (&Worker{work: &work}).Run })
			key := ByKey()
			shard := func(t group.Task) uint64 { return key(t.Record) }
			var tasks []group.Task
			b.ResetTimer()
			for i := 0; i*perPoll < b.N; i++ {
				w.WaitForRoom(context.Background())
				batch := records[i%len(records)]
				for j, r := range batch {
					r.Offset = int64(i*perPoll + j)
				}
				tasks = owned[i%partitions].Accept(batch, tasks[:0])
				s.Submit(tasks, shard)
			}
			s.Close()
		})
	}
}
