package consumers

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkTracker is the cost of a record in the watermark: taken, and
// finished in the order of a pool, a little out of the order of the log.
func BenchmarkTracker(b *testing.B) {
	for _, spread := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("spread=%d", spread), func(b *testing.B) {
			b.ReportAllocs()
			var w watermark
			for i := 0; b.Loop(); i++ {
				w.take(int64(i), 0)
				if i%spread == spread-1 {
					for back := range spread {
						w.finish(uint64(i - back))
					}
				}
			}
		})
	}
}

// BenchmarkScheduler is the cost of an item from submit to done, without work.
func BenchmarkScheduler(b *testing.B) {
	for _, workers := range []int{1, 8, 64} {
		for _, keys := range []int{16, 10_000} {
			b.Run(fmt.Sprintf("workers=%d/keys=%d", workers, keys), func(b *testing.B) {
				b.ReportAllocs()
				w := newWindow(2000, workers, 500)
				s := newScheduler(workers, 2000, func() func(int) {
					return func(int) { w.release(1) }
				})
				batch := make([]int, 100)
				for i := 0; i < b.N; i += len(batch) {
					w.wait(context.Background())
					w.take(len(batch))
					for j := range batch {
						batch[j] = i + j
					}
					s.submit(batch, func(i int) uint64 { return uint64(i*7919) % uint64(keys) })
				}
				s.close()
			})
		}
	}
}

// BenchmarkFinished is the cost of the text that keyed-map adds to a commit, for a
// window of 500 and of 20,000 with every other record finished, and of reading it.
func BenchmarkFinished(b *testing.B) {
	for _, window := range []int64{500, 20_000} {
		runs := spread(11, 2, int(window/2))
		text := encodeFinished(aLog, 10, runs, mostMetadata)
		b.Run(fmt.Sprintf("encode/window=%d", window), func(b *testing.B) {
			for b.Loop() {
				encodeFinished(aLog, 10, runs, mostMetadata)
			}
			b.ReportMetric(float64(len(text)), "chars")
		})
		b.Run(fmt.Sprintf("decode/window=%d", window), func(b *testing.B) {
			for b.Loop() {
				decodeFinished(text, aLog.topic, aLog.partition, 10, 1<<40)
			}
		})
	}
}

// BenchmarkTurns is BenchmarkScheduler for workers that take up to 20 items of a
// shard at a time.
func BenchmarkTurns(b *testing.B) {
	for _, keys := range []int{16, 10_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			b.ReportAllocs()
			w := newWindow(2000, 8, 500)
			s := newSchedulerOfTurns(8, 2000, 20, func() func(int, []int) {
				return func(_ int, more []int) { w.release(1 + len(more)) }
			})
			batch := make([]int, 100)
			for i := 0; i < b.N; i += len(batch) {
				w.wait(context.Background())
				w.take(len(batch))
				for j := range batch {
					batch[j] = i + j
				}
				s.submit(batch, func(i int) uint64 { return uint64(i*7919) % uint64(keys) })
			}
			s.close()
		})
	}
}

type countingWork struct{ done atomic.Int64 }

func (w *countingWork) Do(context.Context, *harness.Record) error {
	w.done.Add(1)
	return nil
}

// BenchmarkKeyed is all that keyed does with a record between the poll and the
// commit: assignment, shard, scheduler, worker, watermark.
func BenchmarkKeyed(b *testing.B) {
	for _, workers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.ReportAllocs()
			const partitions, perPoll = 12, 100
			w := newWindow(500, workers, perPoll)
			var owned []*assignment
			for range partitions {
				owned = append(owned, newAssignment(context.Background(), w))
			}
			records := make([][]*kgo.Record, 64)
			for i := range records {
				for j := range perPoll {
					records[i] = append(records[i], &kgo.Record{Key: fmt.Appendf(nil, "key-%d", i*perPoll+j), Value: make([]byte, 100)})
				}
			}
			var work countingWork
			s := newScheduler(workers, 500, func() func(task) { return (&worker{work: &work}).run })
			key := byKey()
			shard := func(t task) uint64 { return key(t.record) }
			var tasks []task
			b.ResetTimer()
			for i := 0; i*perPoll < b.N; i++ {
				w.wait(context.Background())
				batch := records[i%len(records)]
				for j, r := range batch {
					r.Offset = int64(i*perPoll + j)
				}
				tasks = owned[i%partitions].take(batch, tasks[:0])
				s.submit(tasks, shard)
			}
			s.close()
		})
	}
}
