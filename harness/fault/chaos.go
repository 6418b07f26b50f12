package fault

import (
	"math/rand/v2"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Chaos is a random schedule for soaks. It kills brokers. It kills pods, pauses
// them (mostly past their session), asks them to leave, and starts spare ones.
// Every fault is healed, and one broker at a time is down. At least one pod
// stays untouched, and no more pods join than there are spare ones. The zero
// value injects nothing.
type Chaos struct {
	From, To    time.Duration // From and To bound all faults and heals, counted from the start of the load.
	Session     time.Duration // Session is the group's session timeout. Pauses are multiples of it.
	Pods, Spare int           // Pods and Spare are the counts of the scenario.
	Brokers     bool          // Brokers says whether to kill brokers.
}

const (
	// minGap is the shortest time between two injections.
	minGap = 500 * time.Millisecond
	// settleTime, plus a session, is how long a healed pod or broker needs until it
	// counts again: a pod that leaves finishes its work, one that starts joins.
	settleTime = 2 * time.Second
)

// What a fault removes while it lasts.
const (
	aBroker = iota
	aPod
	aSpare
)

// candidate is a fault to choose, with limits for its duration.
type candidate struct {
	fault            harness.Fault
	removes          int
	minTime, maxTime time.Duration
}

// Injections returns the schedule in order of time, the same for each seed.
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
	blows := c.candidates()
	var busy [len(limits)][]time.Duration // by what is removed: until when each is missing
	for at := c.From + between(0, c.Session); at < c.To; at += between(minGap, c.Session) {
		b := blows[r.IntN(len(blows))]
		lasts := between(b.minTime, b.maxTime)
		missing := 0
		for _, until := range busy[b.removes] {
			if until > at {
				missing++
			}
		}
		if missing >= limits[b.removes] || at+lasts > c.To {
			continue
		}
		busy[b.removes] = append(busy[b.removes], at+lasts+c.Session+settleTime)
		all = append(all, harness.Injection{Fault: b.fault, At: at, HealAfter: lasts})
	}
	return all
}

// candidates lists the faults to choose from. A fault listed twice is twice as
// frequent.
func (c Chaos) candidates() []candidate {
	s := c.Session
	return []candidate{
		{KillBroker{}, aBroker, time.Second, 2 * s},
		{KillPod{}, aPod, time.Second, 2 * s}, // back before or after its session expires
		{PausePod{}, aPod, s + time.Second, 2 * s},
		{PausePod{}, aPod, s + time.Second, 2 * s},
		{PausePod{}, aPod, s / 10, s / 2},
		{LeavePod{}, aPod, time.Second, 2 * s},
		{LeavePod{}, aPod, time.Second, 2 * s},
		{JoinPod{}, aSpare, time.Second, 3 * s},
		{JoinPod{}, aSpare, time.Second, 3 * s},
	}
}
