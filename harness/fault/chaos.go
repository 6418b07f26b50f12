package fault

import (
	"math/rand/v2"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Chaos is a random schedule for soaks: brokers are killed, and pods killed,
// paused, mostly past their session, told to leave and joined. It is legal: all
// is healed, one broker at a time is down, nothing is done to one pod at least,
// and no more join than there are spare ones. The zero value strikes nothing.
type Chaos struct {
	From, To    time.Duration // From and To bound it, heals included, counted from the start of the load.
	Session     time.Duration // Session is that of the group, by which pauses are measured.
	Pods, Spare int           // Pods and Spare are those of the scenario.
	Brokers     bool          // Brokers are killed too.
}

const (
	// leastGap is between two injections.
	leastGap = 500 * time.Millisecond
	// settleTime, and a session, is how long what was healed takes until it can be
	// counted on: a pod that leaves finishes its work, one that is back joins.
	settleTime = 2 * time.Second
)

// What a fault takes away while it lasts.
const (
	aBroker = iota
	aPod
	aSpare
)

// blow is a fault to choose from, with bounds for how long it lasts.
type blow struct {
	fault       harness.Fault
	takes       int
	least, most time.Duration
}

// Injections are the schedule in order of time, the same for each seed.
func (c Chaos) Injections(seed uint64) (all []harness.Injection) {
	const stream = 0xc4a05
	r := rand.New(rand.NewPCG(seed, stream))
	between := func(least, most time.Duration) time.Duration {
		return (least + time.Duration(r.Float64()*float64(most-least))).Round(time.Millisecond)
	}
	limits := [...]int{aBroker: 1, aPod: max(0, c.Pods-1), aSpare: c.Spare}
	if !c.Brokers {
		limits[aBroker] = 0
	}
	blows := c.blows()
	var busy [len(limits)][]time.Duration // until when what is taken away is missed
	for at := c.From + between(0, c.Session); at < c.To; at += between(leastGap, c.Session) {
		b := blows[r.IntN(len(blows))]
		lasts := between(b.least, b.most)
		missing := 0
		for _, until := range busy[b.takes] {
			if until > at {
				missing++
			}
		}
		if missing >= limits[b.takes] || at+lasts > c.To {
			continue
		}
		busy[b.takes] = append(busy[b.takes], at+lasts+c.Session+settleTime)
		all = append(all, harness.Injection{Fault: b.fault, At: at, HealAfter: lasts})
	}
	return all
}

// blows are what there is to choose from; what stands there twice comes twice as
// often.
func (c Chaos) blows() []blow {
	s := c.Session
	return []blow{
		{KillBroker{}, aBroker, time.Second, 2 * s},
		{KillPod{}, aPod, time.Second, 2 * s}, // back before or after the group has missed it
		{PausePod{}, aPod, s + time.Second, 2 * s},
		{PausePod{}, aPod, s + time.Second, 2 * s},
		{PausePod{}, aPod, s / 10, s / 2},
		{LeavePod{}, aPod, time.Second, 2 * s},
		{LeavePod{}, aPod, time.Second, 2 * s},
		{JoinPod{}, aSpare, time.Second, 3 * s},
		{JoinPod{}, aSpare, time.Second, 3 * s},
	}
}
