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
	// Faults are the faults to choose from, instead of those above. Those without Lasts are
	// left out, and those of one kind of consumer.
	Faults []Known
	// Election is how long the cluster needs until other brokers lead the partitions of one that
	// is away. No fault of a broker is healed sooner: its effect could not be verified. 0: at once.
	Election time.Duration
}

const (
	// minGap is the shortest time between two injections.
	minGap = 500 * time.Millisecond
	// settleTime, plus a session, is how long a healed pod or broker needs until it
	// counts again: a pod that leaves finishes its work, one that starts joins.
	settleTime = 2 * time.Second
)

// candidate is a fault to choose, with limits for its duration.
type candidate struct {
	fault            harness.Fault
	removes          Resource
	minTime, maxTime time.Duration
}

// limits are how many of each resource may be missing at once. Brokers and the network are
// one: a fault that waits for requests would wait in vain while its broker is away.
func (c Chaos) limits() map[Resource]int {
	l := map[Resource]int{ABroker: 1, APod: max(0, c.Pods-1), ASpare: c.Spare, AProducer: 1, ATopic: 1}
	if !c.Brokers && len(c.Faults) == 0 {
		l[ABroker] = 0
	}
	return l
}

// Injections returns the schedule in order of time, the same for each seed.
func (c Chaos) Injections(seed uint64) (all []harness.Injection) {
	const stream = 0xc4a05
	r := rand.New(rand.NewPCG(seed, stream))
	between := func(least, most time.Duration) time.Duration {
		return (least + time.Duration(r.Float64()*float64(most-least))).Round(time.Millisecond)
	}
	blows, limits := c.candidates(), c.limits()
	if len(blows) == 0 {
		return nil
	}
	busy := map[Resource][]time.Duration{} // by what is removed: until when each is missing
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
	if len(c.Faults) > 0 {
		return c.knownCandidates()
	}
	return []candidate{
		{KillBroker{}, ABroker, time.Second, 2 * s},
		{KillPod{}, APod, time.Second, 2 * s}, // back before or after its session expires
		{PausePod{}, APod, s + time.Second, 2 * s},
		{PausePod{}, APod, s + time.Second, 2 * s},
		{PausePod{}, APod, s / 10, s / 2},
		{LeavePod{}, APod, time.Second, 2 * s},
		{LeavePod{}, APod, time.Second, 2 * s},
		{JoinPod{}, ASpare, time.Second, 3 * s},
		{JoinPod{}, ASpare, time.Second, 3 * s},
	}
}

// knownCandidates are the faults of c.Faults that a random schedule can have.
func (c Chaos) knownCandidates() (all []candidate) {
	for _, k := range c.Faults {
		if k.Lasts == nil || k.Consumer != "" {
			continue
		}
		least, most := k.Lasts(c.Session)
		removes := k.Removes
		switch removes {
		case ANetwork:
			removes = ABroker
		case ABroker:
			least, most = max(least, c.Election), max(most, c.Election)
		}
		all = append(all, candidate{k.Fault, removes, least, most})
	}
	return all
}
