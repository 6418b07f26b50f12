package virtual

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxWritesAtOnce is how many writes one instant may have. The busiest runs make
	// some thousands. After more than this the clock would stand still forever.
	maxWritesAtOnce = 300_000
	// describedWrites is how many of the last writes the error describes.
	describedWrites = 10_000

	// Some clients ask without a pause until something else has happened, as kgo asks a
	// broker that no longer leads while a request for metadata waits to be sent again. On a
	// network that takes no time they would ask forever. So after busyInstant writes at one
	// instant each write of a client takes slowWrite, and for busyAfter already after
	// busyAgain of them. That ends a spin that ends by itself. After maxSlowWrites of a run no
	// write is slow any more, and a spin is cut off.
	busyInstant   = 5_000
	busyAgain     = 1_000
	busyAfter     = time.Second
	slowWrite     = time.Millisecond
	maxSlowWrites = 2_000
)

// Guard finds a run that spins: its clients send requests and its brokers
// respond without end while the clock stands still. The guard then cuts the run
// off.
type Guard struct {
	// OnSpin is called once, with a description of the last requests. From then on
	// the network carries no bytes and makes no connections. It runs in the bubble.
	// It may be nil.
	OnSpin func(error)

	at    atomic.Int64 // at is the instant of the last write.
	count atomic.Int64 // count is the number of writes at that instant.
	cut   atomic.Bool

	slowAt atomic.Int64 // slowAt is the instant of the last slow write.
	slow   atomic.Int64 // slow is the number of slow writes.

	mu   sync.Mutex
	last map[string]int
}

// countWrite counts a write of a client or a broker, and reports whether it may
// pass.
func (g *Guard) countWrite(b []byte, ofClient bool) bool {
	if g.cut.Load() {
		return false
	}
	if now := time.Now().UnixNano(); g.at.Swap(now) != now {
		g.count.Store(0)
	}
	n := g.count.Add(1)
	if ofClient && g.isSlow(n) {
		time.Sleep(slowWrite)
	}
	if n > maxWritesAtOnce-describedWrites && ofClient {
		g.noteRequest(b)
	}
	if n < maxWritesAtOnce {
		return true
	}
	if g.cut.CompareAndSwap(false, true) && g.OnSpin != nil {
		g.OnSpin(fmt.Errorf("%d writes at one instant of virtual time, the last %d of them with %s", n, describedWrites, g.describeRequests()))
	}
	return false
}

// isSlow reports whether the n-th write at this instant takes time.
func (g *Guard) isSlow(n int64) bool {
	if n <= busyAgain {
		return false
	}
	now := time.Now().UnixNano()
	last := g.slowAt.Load()
	if n <= busyInstant && (last == 0 || now-last > int64(busyAfter)) || g.slow.Add(1) > maxSlowWrites {
		return false
	}
	g.slowAt.Store(now)
	return true
}

// noteRequest counts a request by its kind and its client.
func (g *Guard) noteRequest(b []byte) {
	const header = 14 // length, key, version, number, length of the client id
	if len(b) < header {
		return
	}
	client := b[header:]
	if n := int16(binary.BigEndian.Uint16(b[header-2:])); n >= 0 && int(n) <= len(client) {
		client = client[:n]
	} else {
		client = nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil {
		g.last = map[string]int{}
	}
	g.last[fmt.Sprintf("%s of %s", kmsg.NameForKey(int16(binary.BigEndian.Uint16(b[4:]))), client)]++
}

// describeRequests lists the counted requests, the most frequent first.
func (g *Guard) describeRequests() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for what := range g.last {
		all = append(all, what)
	}
	slices.SortFunc(all, func(a, b string) int { return g.last[b] - g.last[a] })
	for i, what := range all {
		all[i] = fmt.Sprintf("%d %s", g.last[what], what)
	}
	if all == nil {
		return "no request"
	}
	return strings.Join(all, ", ")
}
