package virtual

import (
	"encoding/binary"
	"fmt"
	"maps"
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
	// OnSpin is called once. From then on the network carries no bytes and makes no
	// connections. It runs in the bubble. It may be nil.
	OnSpin func(Spin)

	at    atomic.Int64 // at is the instant of the last write.
	count atomic.Int64 // count is the number of writes at that instant.
	cut   atomic.Bool

	slowAt atomic.Int64 // slowAt is the instant of the last slow write.
	slow   atomic.Int64 // slow is the number of slow writes.

	mu   sync.Mutex
	last map[request]int
}

// request is a kind of request and the client that sends it.
type request struct{ kind, client string }

func (r request) String() string { return r.kind + " of " + r.client }

// Spin is what a [Guard] has found.
type Spin struct {
	Writes   int64  // Writes were made at one instant of virtual time.
	Last     int    // Last is how many of them, the last ones, Requests describes.
	Requests string // Requests has all requests among them by kind and client, the most frequent first.
	// Client is the client id that sent nearly all of these requests, or most of them if
	// nearly all are of one kind: several clients may spin alike. It is "" if there is no such
	// client. Asks is the request that it sent most often, and Count how often.
	Client, Asks string
	Count        int
}

// Error implements error.
func (s Spin) Error() string {
	return fmt.Sprintf("%d writes at one instant of virtual time, the last %d of them with %s", s.Writes, s.Last, s.Requests)
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
		g.OnSpin(g.describeSpin(n))
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
		g.last = map[request]int{}
	}
	g.last[request{kmsg.NameForKey(int16(binary.BigEndian.Uint16(b[4:]))), string(client)}]++
}

// describeSpin says who sent the counted requests. The clients that spin send all but a
// few of them: the others wait for time to pass.
func (g *Guard) describeSpin(writes int64) Spin {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := slices.SortedFunc(maps.Keys(g.last), func(a, b request) int { return g.last[b] - g.last[a] })
	s := Spin{Writes: writes, Last: describedWrites, Requests: "no request"}
	if len(all) == 0 {
		return s
	}
	var words []string
	total, ofFirst, alike := 0, 0, 0
	for _, r := range all {
		words = append(words, fmt.Sprintf("%d %v", g.last[r], r))
		total += g.last[r]
		if r.client == all[0].client {
			ofFirst += g.last[r]
		}
		if r.kind == all[0].kind {
			alike += g.last[r]
		}
	}
	if s.Requests = strings.Join(words, ", "); 10*max(ofFirst, alike) >= 9*total {
		s.Client, s.Asks, s.Count = all[0].client, all[0].kind, g.last[all[0]]
	}
	return s
}
