package consumers

import (
	"math/bits"
	"runtime"
	"sync"
)

// scheduler runs items on a fixed number of workers, items of one shard one at a
// time in the order submitted, and shards in the order in which they became
// ready. An idle worker takes the ready shard that has waited longest, runs its
// first item only, and sends the shard to the back of the line if it has more:
// a shard with a long queue gets its share and starves nobody.
//
// There is no goroutine and no queue per shard. Queued items are nodes of one
// slab, linked into a list per shard and into the list of ready shards. The last
// item of each shard, and so a shard only while it has items, is found by a table
// of chains through the same slab, which costs a third of a map. In the steady
// state an item costs no allocation, and a finished one holds no memory.
//
// A worker that can do several things at once asks for more than one item a turn: it
// gets what its shard has, up to so many, and the shard has nothing else under way.
//
// A shard is a number, usually the hash of a key: two keys of one hash are
// needlessly kept in order, and that is all. Order by partition or none at all
// are the same scheduler with other shards.
//
// The design is the KEY mode of Confluent parallel-consumer; what is added is
// how workers wake. Waking all that there is work for costs more than short work
// itself, so no more wake at a time than there are processors, and each that
// does wakes the next before it starts to work: with work that blocks, all are
// up in no time, with work that does not, the few that run drain the line.
type scheduler[T any] struct {
	mu     sync.Mutex
	wakeup sync.Cond
	nodes  []node[T]
	free   int32   // free is the list of unused nodes, by next
	last   []int32 // last has the chains, by chain, of the last nodes of shards; a power of two long
	head   int32   // head and tail of the list of ready shards, by ready
	tail   int32
	idle   int // idle counts workers that wait, those signalled among them
	waking int // waking counts workers signalled that have not run yet
	most   int // most workers to be waking at a time
	closed bool

	shards  []uint64 // of the items being submitted
	workers sync.WaitGroup
}

// node is a queued or running item. Node 0 is never used: 0 is no node.
type node[T any] struct {
	item  T
	shard uint64
	next  int32 // next item of the shard
	ready int32 // ready is the next ready shard, while this is the first item of its own
	chain int32 // chain is the last item of another shard, while this is that of its own
}

// newScheduler starts the workers; newWorker is called once for each and
// returns what it does with an item. [scheduler.close] ends them.
func newScheduler[T any](workers, capacity int, newWorker func() func(T)) *scheduler[T] {
	s := idleScheduler[T](capacity)
	for range workers {
		s.workers.Go(func() { s.loop(newWorker(), nil, nil) })
	}
	return s
}

// newSchedulerOfTurns is newScheduler for workers that get up to turn items of a
// shard at a time, the first and those behind it. They must not keep the slice.
func newSchedulerOfTurns[T any](workers, capacity, turn int, newWorker func() func(first T, more []T)) *scheduler[T] {
	s := idleScheduler[T](capacity)
	for range workers {
		s.workers.Go(func() { s.loop(nil, newWorker(), make([]T, 0, turn-1)) })
	}
	return s
}

// idleScheduler is a scheduler without workers.
func idleScheduler[T any](capacity int) *scheduler[T] {
	s := &scheduler[T]{
		nodes: make([]node[T], 1, capacity+1),
		last:  make([]int32, 2<<bits.Len(uint(capacity))),
		most:  runtime.GOMAXPROCS(0),
	}
	s.wakeup.L = &s.mu
	return s
}

// submit queues items, in order; shard says for each where it belongs. It is for
// one goroutine at a time.
func (s *scheduler[T]) submit(items []T, shard func(T) uint64) {
	if len(items) == 0 {
		return
	}
	// Before the lock, and in a row: items that another processor made are waited
	// for at the first touch, and those waits overlap.
	s.shards = s.shards[:0]
	for _, item := range items {
		s.shards = append(s.shards, shard(item))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, item := range items {
		s.push(item, s.shards[i])
	}
	s.wake()
}

// close lets the workers run what was submitted and waits for them to end.
func (s *scheduler[T]) close() {
	s.mu.Lock()
	s.closed = true
	s.wakeup.Broadcast()
	s.mu.Unlock()
	s.workers.Wait()
}

// loop is a worker: run does an item, or turn as many of a shard as there is room for
// in more and one.
func (s *scheduler[T]) loop(run func(T), turn func(T, []T), more []T) {
	s.mu.Lock()
	for {
		for s.head == 0 {
			if s.closed { // a shard that has more is with the worker that runs it
				s.mu.Unlock()
				return
			}
			s.idle++
			s.wakeup.Wait()
			s.idle--
			s.waking = max(s.waking-1, 0)
		}
		first := s.take()
		s.wake()
		item, last := s.nodes[first].item, first
		for more = more[:0]; len(more) < cap(more) && s.nodes[last].next != 0; {
			last = s.nodes[last].next
			more = append(more, s.nodes[last].item)
		}
		s.mu.Unlock()
		if turn == nil {
			run(item)
		} else {
			turn(item, more)
			clear(more)
		}
		s.mu.Lock()
		s.done(first, last)
	}
}

// wake signals one more worker if there is something to do for it.
func (s *scheduler[T]) wake() {
	if s.head != 0 && s.idle > s.waking && s.waking < s.most {
		s.waking++
		s.wakeup.Signal()
	}
}

// push queues an item behind the others of its shard.
func (s *scheduler[T]) push(item T, shard uint64) {
	n := s.free
	if n == 0 {
		n = int32(len(s.nodes))
		s.nodes = append(s.nodes, node[T]{})
	} else {
		s.free = s.nodes[n].next
	}
	at := &s.nodes[n]
	at.item, at.shard, at.next = item, shard, 0
	if link := s.find(shard); *link != 0 {
		before := &s.nodes[*link]
		before.next, at.chain = n, before.chain
		*link = n
	} else {
		at.chain, *link = 0, n
		s.line(n)
	}
}

// find is the link to the last node of a shard: 0 is in it, the end of a chain,
// if the shard has no items. It holds as long as no node is added.
func (s *scheduler[T]) find(shard uint64) *int32 {
	link := &s.last[shard&uint64(len(s.last)-1)]
	for *link != 0 && s.nodes[*link].shard != shard {
		link = &s.nodes[*link].chain
	}
	return link
}

// line puts a shard, by its first item, at the back of the ready line.
func (s *scheduler[T]) line(n int32) {
	if s.head == 0 {
		s.head = n
	} else {
		s.nodes[s.tail].ready = n
	}
	s.tail = n
}

// take takes the front of the ready line. The node stays first of its shard
// until done, which keeps others of the shard from being ready.
func (s *scheduler[T]) take() int32 {
	n := s.head
	s.head = s.nodes[n].ready
	s.nodes[n].ready = 0
	return n
}

// done frees the nodes of a turn and makes the next item of their shard ready.
func (s *scheduler[T]) done(first, last int32) {
	if next := s.nodes[last].next; next != 0 {
		s.line(next)
	} else {
		*s.find(s.nodes[last].shard) = s.nodes[last].chain
	}
	for first != last {
		n := first
		first = s.nodes[n].next
		s.release(n)
	}
	s.release(last)
}

func (s *scheduler[T]) release(n int32) {
	s.nodes[n] = node[T]{next: s.free}
	s.free = n
}
