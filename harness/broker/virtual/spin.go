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
	// mostAtOnce is how much may be written at one instant. The busiest runs write
	// some thousands of times; who goes on after so many has time stand still for ever.
	mostAtOnce = 300_000
	// lastOnes are those of which it is told what they were.
	lastOnes = 10_000
)

// Guard looks out for a run that spins: whose clients ask and whose brokers
// answer without end while its clock stands still. It is cut off then.
type Guard struct {
	// Spins is called with what goes on, once, from when on nothing is written and
	// no connection made. It runs in the bubble. May be nil.
	Spins func(error)

	at    atomic.Int64 // the instant
	count atomic.Int64 // of what was written at it
	cut   atomic.Bool

	mu   sync.Mutex
	last map[string]int
}

// passes counts what a client, or else a broker, writes, and reports whether it
// may still be.
func (g *Guard) passes(b []byte, ofClient bool) bool {
	if g.cut.Load() {
		return false
	}
	if now := time.Now().UnixNano(); g.at.Swap(now) != now {
		g.count.Store(0)
	}
	n := g.count.Add(1)
	if n > mostAtOnce-lastOnes && ofClient {
		g.note(b)
	}
	if n < mostAtOnce {
		return true
	}
	if g.cut.CompareAndSwap(false, true) && g.Spins != nil {
		g.Spins(fmt.Errorf("%d writes at one instant of virtual time, the last %d of them with %s", n, lastOnes, g.tally()))
	}
	return false
}

// note counts a request by what it asks for and who asks.
func (g *Guard) note(b []byte) {
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

// tally is what was counted, most first.
func (g *Guard) tally() string {
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
