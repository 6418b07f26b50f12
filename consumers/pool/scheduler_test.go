package pool

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestSchedulerKeepsAShardInOrderAndAlone(t *testing.T) {
	const items, shards = 20_000, 37
	var running [shards]atomic.Int32
	var last [shards]int
	var ran atomic.Int64
	s := NewScheduler(16, 8, func() func(int) {
		return func(i int) {
			shard := i % shards
			if running[shard].Add(1) != 1 {
				t.Errorf("two items of shard %d at once", shard)
			}
			if i <= last[shard] && last[shard] != 0 {
				t.Errorf("item %d of shard %d after %d", i, shard, last[shard])
			}
			last[shard] = i
			if i%5 == 0 {
				runtime.Gosched()
			}
			running[shard].Add(-1)
			ran.Add(1)
		}
	})
	for i := 0; i < items; i += 100 {
		batch := make([]int, 100)
		for j := range batch {
			batch[j] = i + j
		}
		s.Submit(batch, func(i int) uint64 { return uint64(i % shards) })
	}
	s.Close()
	if ran.Load() != items {
		t.Errorf("%d of %d items ran", ran.Load(), items)
	}
	for _, n := range s.last {
		if n != 0 {
			t.Fatalf("node %d is remembered after all is done", n)
		}
	}
}

// Shards whose numbers end alike lie in one chain, and come and go in it in any
// order.
func TestSchedulerSeparatesShardsOfOneChain(t *testing.T) {
	const items, shards = 5000, 40
	var last [shards]atomic.Int64
	begin := make(chan struct{})
	s := NewScheduler(5, 1, func() func(int) {
		return func(i int) {
			<-begin
			if before := last[i%shards].Swap(int64(i)); int64(i) < before {
				t.Errorf("item %d of its shard after %d", i, before)
			}
		}
	})
	batch := make([]int, items)
	for i := range batch {
		batch[i] = i
	}
	s.Submit(batch, func(i int) uint64 { return uint64(i%shards) << 32 })
	most := 0
	s.mu.Lock()
	for _, first := range s.last {
		length := 0
		for n := first; n != 0; n = s.nodes[n].chain {
			length++
		}
		most = max(most, length)
	}
	s.mu.Unlock()
	if most != shards {
		t.Errorf("the longest chain has %d shards, want all %d", most, shards)
	}
	close(begin)
	s.Close()
	for shard := range last {
		if got, want := last[shard].Load(), int64(items-shards+shard); got != want {
			t.Errorf("shard %d ended with item %d, want %d", shard, got, want)
		}
	}
	for _, n := range s.last {
		if n != 0 {
			t.Fatalf("node %d is remembered after all is done", n)
		}
	}
}

// Every worker must get up for work that blocks, however few are woken at a
// time: all items wait for each other.
func TestSchedulerUsesAllWorkers(t *testing.T) {
	const workers = 50
	var together sync.WaitGroup
	together.Add(workers)
	s := NewScheduler(workers, workers, func() func(int) {
		return func(int) {
			together.Done()
			together.Wait()
		}
	})
	batch := make([]int, workers)
	for i := range batch {
		batch[i] = i
	}
	s.Submit(batch, func(i int) uint64 { return uint64(i) })
	s.Close()
}

// Five hundred pods with 50 workers each have 25,000 stacks otherwise.
func TestWorkerStartsWhenItIsNeeded(t *testing.T) {
	const workers, items = 1000, 100
	var started atomic.Int32
	done := make(chan struct{})
	s := NewScheduler(workers, workers, func() func(int) {
		started.Add(1)
		return func(int) { done <- struct{}{} }
	})
	for i := range items {
		s.Submit([]int{i}, func(i int) uint64 { return uint64(i) })
		<-done
	}
	s.Close()
	if n := started.Load(); n == 0 || n > items {
		t.Errorf("%d workers started for %d items one after the other", n, items)
	}
}

func TestLongShardStarvesNoOther(t *testing.T) {
	const hot, cold = 100, 10
	var order []int // one worker: no lock needed
	begin := make(chan struct{})
	s := NewScheduler(1, hot+cold, func() func(int) {
		return func(i int) {
			<-begin
			order = append(order, i)
		}
	})
	var batch []int
	for i := range hot {
		batch = append(batch, -1-i)
	}
	for i := range cold {
		batch = append(batch, 1+i)
	}
	s.Submit(batch, func(i int) uint64 { return uint64(max(i, 0)) })
	close(begin)
	s.Close()
	for place, i := range order {
		if i > 0 && place > 2*cold {
			t.Errorf("cold item %d ran only at place %d, behind the hot shard's queue", i, place)
		}
	}
	if len(order) != hot+cold {
		t.Errorf("%d of %d items ran", len(order), hot+cold)
	}
}

func TestSchedulerKeepsNoFinishedItem(t *testing.T) {
	s := NewScheduler(4, 4, func() func(*int) { return func(*int) {} })
	for range 10 {
		s.Submit([]*int{new(int), new(int), new(int)}, func(*int) uint64 { return 1 })
	}
	s.Close()
	for n := range s.nodes {
		if s.nodes[n].item != nil {
			t.Fatalf("node %d still points to its item", n)
		}
	}
}

// A worker gets the waiting items of its shard in order, up to a batch. No other worker gets
// items of that shard meanwhile.
func TestBatchSchedulerKeepsAShardInOrderAndAlone(t *testing.T) {
	const items, shards, turn = 20_000, 37, 6
	var running [shards]atomic.Int32
	var next [shards]int
	var ran, longest atomic.Int64
	s := NewBatchScheduler(16, 8, turn, func() func([]int) {
		return func(batch []int) {
			if len(batch) > turn {
				t.Errorf("a turn of %d items", len(batch))
			}
			shard := batch[0] % shards
			if running[shard].Add(1) != 1 {
				t.Errorf("two turns of shard %d at once", shard)
			}
			for _, i := range batch {
				if i%shards != shard || i != next[shard]*shards+shard {
					t.Errorf("item %d as number %d of shard %d", i, next[shard], shard)
				}
				next[shard]++
			}
			longest.Store(max(longest.Load(), int64(len(batch))))
			if batch[0]%5 == 0 {
				runtime.Gosched()
			}
			running[shard].Add(-1)
			ran.Add(int64(len(batch)))
		}
	})
	for i := 0; i < items; i += 1000 {
		batch := make([]int, 1000)
		for j := range batch {
			batch[j] = i + j
		}
		s.Submit(batch, func(i int) uint64 { return uint64(i % shards) })
	}
	s.Close()
	if ran.Load() != items || longest.Load() != turn {
		t.Errorf("%d of %d items ran, at most %d a turn", ran.Load(), items, longest.Load())
	}
	for _, n := range s.last {
		if n != 0 {
			t.Fatalf("node %d is remembered after all is done", n)
		}
	}
	free := 0
	for n := s.free; n != 0; n = s.nodes[n].next {
		free++
	}
	if free != len(s.nodes)-1 {
		t.Errorf("%d of %d nodes are free after all is done", free, len(s.nodes)-1)
	}
}
