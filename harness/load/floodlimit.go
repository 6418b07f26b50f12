package load

import "time"

// floodLimit finds how many records of a flood may be without an outcome. A flood has no
// schedule, so nothing else bounds them. By Little's law the rate is at most the limit by the
// latency of an acknowledgement: a few thousand records are enough for brokers that answer
// within a millisecond, and a hundred times as many for a cluster that is slow and busy. More
// than enough costs memory, and the processor's caches.
//
// The limit grows while the rate grows with it. Then it goes back to the last limit that was
// worth it, and a larger or a smaller one is tried now and then.
type floodLimit struct {
	limit int64
	most  int64 // most is what memory allows.

	since   int64   // since is when the turn began, ns on CLOCK_MONOTONIC; 0 before the first.
	done    int64   // done is the number of outcomes at that time.
	best    float64 // best is the rate at the limit kept, outcomes by ns.
	kept    int64   // kept is the limit to go back to.
	resting int     // resting is how many turns are left until the next try.
	down    bool    // down: the next try is a smaller limit.
}

const (
	leastFloodPending = 1 << 13 // leastFloodPending is the limit at the start.
	// floodTurn is the least time over which a rate is measured.
	floodTurn = 100 * time.Millisecond
	// A larger limit is worth it if the rate grows by a tenth, and a smaller one if it does
	// not fall by more than 2 %. If the rate has nearly grown as much as the limit, the limit grows
	// faster.
	worthMore, worthLess, nearlyLinear = 1.1, 0.98, 1.6
	// restTurns is how many turns pass between two tries.
	restTurns = 10
)

func newFloodLimit(most int64) *floodLimit {
	least := min(leastFloodPending, most)
	return &floodLimit{limit: least, most: most, kept: least}
}

// adjust returns the limit from now on. done is the number of outcomes so far. A turn lasts until
// as many records as the limit have their outcome.
func (f *floodLimit) adjust(now, done int64) int64 {
	if f.since == 0 {
		f.since, f.done = now, done
	}
	if done-f.done < f.limit || now-f.since < int64(floodTurn) {
		return f.limit
	}
	rate := float64(done-f.done) / float64(now-f.since)
	f.since, f.done = now, done
	f.judge(rate)
	return f.limit
}

// judge compares the rate of a turn with the best one.
func (f *floodLimit) judge(rate float64) {
	tried, gain := f.limit, rate/max(f.best, minRate)
	switch {
	case tried == f.kept && f.best > 0: // a turn of rest: the machine may have changed
		f.best = (f.best + rate) / 2
		if f.resting--; f.resting <= 0 {
			f.try()
		}
		return
	case tried < f.kept && gain >= worthLess, tried >= f.kept && gain >= worthMore:
		grew := tried >= f.kept
		f.best, f.kept = rate, tried
		if grew && tried < f.most {
			f.limit = min(f.most, tried*growthAfter(gain))
			return
		}
	}
	f.limit, f.resting = f.kept, restTurns
}

// minRate is below any rate.
const minRate = 1e-12

// growthAfter is by how much the limit grows after a gain.
func growthAfter(gain float64) int64 {
	if gain >= nearlyLinear {
		return 4
	}
	return 2
}

// try sets another limit for a turn: a larger and a smaller one by turns.
func (f *floodLimit) try() {
	f.down = !f.down
	if f.down && f.kept > leastFloodPending {
		f.limit = max(leastFloodPending, f.kept/2)
	} else {
		f.limit = min(f.most, f.kept*2)
	}
	if f.limit == f.kept {
		f.resting = restTurns
	}
}
