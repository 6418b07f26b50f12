package pool

import (
	"math/bits"
	"runtime"
	"sync"
)

// Scheduler runs items on a fixed number of workers: items of one shard one at a time, in
// the order submitted, and shards in the order in which they became ready. A worker
// runs the first item of the shard that has waited longest. If the shard has more, it goes
// to the end of the line. So a shard with a long queue starves no other.
//
// A shard is a number, usually the hash of a key. Two keys with one hash are kept in order
// without need, and nothing else happens. With other shards the same scheduler keeps
// order by partition, or no order.
//
// There is no goroutine and no queue for a shard. Items are nodes of one slab. They are
// linked into a list for each shard and into the list of ready shards. A table of chains
// through the same slab finds the last item of a shard, at a third of the cost of a map. In
// the steady state an item costs no allocation, and a finished item holds no memory.
//
// Like the KEY mode of Confluent parallel-consumer, but workers wake in another way. To
// wake a worker for each item costs more than short work itself. So at most as many
// workers as processors are waking at a time, and each wakes the next before it works.
// With work that blocks, all workers are soon up. With work that does not, a few workers
// empty the line.
type Scheduler[T any] struct {
	mu     sync.Mutex
	wakeup sync.Cond
	nodes  []node[T]
	free   int32   // free is the list of unused nodes, by next
	last   []int32 // last has the chains, by chain, of the last nodes of shards; a power of two long
	head   int32   // head and tail are the list of ready shards, by ready
	tail   int32
	idle   int // idle counts workers that wait, signalled or not
	waking int // waking counts workers that were signalled and do not run yet
	most   int // most is how many workers may be waking at a time
	closed bool

	unborn int    // unborn counts workers that were never needed
	start  func() // start runs a worker until the scheduler is closed

	shards  []uint64 // of the items being submitted
	workers sync.WaitGroup
}

// node is a queued or running item. Number 0 means no node.
type node[T any] struct {
	item  T
	shard uint64
	next  int32 // next item of the shard
	ready int32 // ready is the next ready shard, while this is the first item of its own
	chain int32 // chain is the last item of another shard, while this is that of its own
}

// NewScheduler makes a scheduler that starts each worker when it is first needed. newWorker is
// called once for each worker, and returns what the worker does with an item. capacity is the
// expected number of queued items; more are possible. [Scheduler.Close] must follow.
func NewScheduler[T any](workers, capacity int, newWorker func() func(T)) *Scheduler[T] {
	s := newIdleScheduler[T](capacity)
	s.unborn, s.start = workers, func() { s.runWorker(newWorker(), nil, nil) }
	return s
}

// NewBatchScheduler is NewScheduler for workers that get up to size items of a shard
// at a time, in order. A worker must not keep the slice.
func NewBatchScheduler[T any](workers, capacity, size int, newWorker func() func(batch []T)) *Scheduler[T] {
	s := newIdleScheduler[T](capacity)
	s.unborn, s.start = workers, func() { s.runWorker(nil, newWorker(), make([]T, 0, size)) }
	return s
}

// newIdleScheduler is a scheduler without workers.
func newIdleScheduler[T any](capacity int) *Scheduler[T] {
	s := &Scheduler[T]{
		nodes: make([]node[T], 1, capacity+1),
		last:  make([]int32, 2<<bits.Len(uint(capacity))),
		most:  runtime.GOMAXPROCS(0),
	}
	s.wakeup.L = &s.mu
	return s
}

// Submit queues items, in order. shard names the shard of an item. One goroutine at a time
// may call it.
func (s *Scheduler[T]) Submit(items []T, shard func(T) uint64) {
	if len(items) == 0 {
		return
	}
	// Before the lock, and in a row: an item that another processor made is a cache miss at
	// the first touch, and these misses overlap.
	s.shards = s.shards[:0]
	for _, item := range items {
		s.shards = append(s.shards, shard(item))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, item := range items {
		s.pushItem(item, s.shards[i])
	}
	s.wakeWorker()
}

// Close waits until the workers have run all submitted items and have ended.
func (s *Scheduler[T]) Close() {
	s.mu.Lock()
	s.closed = true
	s.wakeup.Broadcast()
	s.mu.Unlock()
	s.workers.Wait()
}

// runWorker is a worker. It calls run for one item or, where run is nil, runBatch for as
// many items of a shard as batch has room for.
func (s *Scheduler[T]) runWorker(run func(T), runBatch func([]T), batch []T) {
	s.mu.Lock()
	s.waking = max(s.waking-1, 0)
	for {
		for s.head == 0 {
			if s.closed { // the worker that runs a shard finds its other items
				s.mu.Unlock()
				return
			}
			s.idle++
			s.wakeup.Wait()
			s.idle--
			s.waking = max(s.waking-1, 0)
		}
		first := s.popReady()
		s.wakeWorker()
		item, last := s.nodes[first].item, first
		if run == nil {
			for batch = append(batch[:0], item); len(batch) < cap(batch) && s.nodes[last].next != 0; {
				last = s.nodes[last].next
				batch = append(batch, s.nodes[last].item)
			}
		}
		s.mu.Unlock()
		if run != nil {
			run(item)
		} else {
			runBatch(batch)
			clear(batch)
		}
		s.mu.Lock()
		s.finishNodes(first, last)
	}
}

// wakeWorker signals one more worker if a shard is ready for it, or starts one if no worker is idle.
func (s *Scheduler[T]) wakeWorker() {
	switch {
	case s.head == 0 || s.waking >= s.most:
	case s.idle > s.waking:
		s.waking++
		s.wakeup.Signal()
	case s.unborn > 0:
		s.waking++
		s.unborn--
		s.workers.Go(s.start)
	}
}

// pushItem queues an item behind the others of its shard.
func (s *Scheduler[T]) pushItem(item T, shard uint64) {
	n := s.free
	if n == 0 {
		n = int32(len(s.nodes))
		s.nodes = append(s.nodes, node[T]{})
	} else {
		s.free = s.nodes[n].next
	}
	at := &s.nodes[n]
	at.item, at.shard, at.next = item, shard, 0
	if link := s.findLast(shard); *link != 0 {
		before := &s.nodes[*link]
		before.next, at.chain = n, before.chain
		*link = n
	} else {
		at.chain, *link = 0, n
		s.appendReady(n)
	}
}

// findLast is the link to the last node of a shard; the link is 0 if the shard has no items.
// It is valid until a node is added.
func (s *Scheduler[T]) findLast(shard uint64) *int32 {
	link := &s.last[shard&uint64(len(s.last)-1)]
	for *link != 0 && s.nodes[*link].shard != shard {
		link = &s.nodes[*link].chain
	}
	return link
}

// appendReady puts a shard, by its first item, at the end of the ready line.
func (s *Scheduler[T]) appendReady(n int32) {
	if s.head == 0 {
		s.head = n
	} else {
		s.nodes[s.tail].ready = n
	}
	s.tail = n
}

// popReady removes the first shard of the ready line. The node stays first of its shard until
// finishNodes, so no other item of the shard gets ready.
func (s *Scheduler[T]) popReady() int32 {
	n := s.head
	s.head = s.nodes[n].ready
	s.nodes[n].ready = 0
	return n
}

// finishNodes frees the nodes of a batch and makes the next item of their shard ready.
func (s *Scheduler[T]) finishNodes(first, last int32) {
	if next := s.nodes[last].next; next != 0 {
		s.appendReady(next)
	} else {
		*s.findLast(s.nodes[last].shard) = s.nodes[last].chain
	}
	for first != last {
		n := first
		first = s.nodes[n].next
		s.freeNode(n)
	}
	s.freeNode(last)
}

func (s *Scheduler[T]) freeNode(n int32) {
	s.nodes[n] = node[T]{next: s.free}
	s.free = n
}
