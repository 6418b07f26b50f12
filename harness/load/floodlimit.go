package load

import "time"

// floodLimit finds how many records of a flood may be without an outcome. A flood has no
// schedule, so nothing else bounds them. By Little's law the rate is at most the limit by the
// latency of an acknowledgement: a few thousand records are enough for brokers that answer
// within a millisecond, and many more for a cluster that is slow and busy.
//
// The limit grows while the rate grows: that of completed records, as long as the pods keep up.
// Where they share the processors with the producer, a larger limit takes from the pods what it
// gives to the producer. At rest a larger and a smaller limit are tried by turns.
type floodLimit struct {
	limit int64
	most  int64 // most is what memory allows.

	since   int64 // since is when the turn began, ns on CLOCK_MONOTONIC; 0 before the first.
	begin   flow  // begin is what the flow had reached then.
	settled bool  // settled: the rate of this turn is that of its limit.
	kept    int64 // kept is the limit to go back to.
	at      flow  // at is the rate at that limit.
	resting int   // resting is how many turns are left until the next try.
	down    bool  // down: the next try is a smaller limit.
	slow    bool  // slow pods are behind at any limit, as with slow work.
}

// flow is how many records were acknowledged, and how many completed: in all, or in a second.
type flow struct{ acked, completed float64 }

const (
	leastFloodPending = 1 << 13 // leastFloodPending is the limit at the start.
	// floodTurn is the least time over which a rate is measured.
	floodTurn = 400 * time.Millisecond
	// A larger limit is worth it with the first gain, and a smaller one with the second.
	worthMore, worthLess = 1.15, 0.97
	// Pods that complete less than keepUp of what is acknowledged at the first limit are slow by
	// themselves. noFewer is the share that they must still complete at another one.
	keepUp, noFewer = 0.8, 0.9
	// startTurns is how many turns the first limit lasts: clients and brokers warm up.
	startTurns = 2
	// restTurns is how many turns pass between two tries. After a gain, which may be by chance, the
	// smaller limit is tried again soon.
	restTurns, doubtTurns = 12, 3
)

func newFloodLimit(most int64) *floodLimit {
	least := min(leastFloodPending, most)
	return &floodLimit{limit: least, most: most, kept: least, resting: startTurns}
}

// adjust returns the limit from now on, after so many records in all. A turn begins once as many
// records as its limit are acknowledged, and lasts until that many are again.
func (f *floodLimit) adjust(now int64, reached flow) int64 {
	took := time.Duration(now - f.since)
	switch {
	case reached.completed == 0: // the pods have not begun
	case f.since == 0:
		f.since, f.begin = now, reached
	case reached.acked-f.begin.acked < float64(f.limit):
	case !f.settled:
		f.since, f.begin, f.settled = now, reached, true
	case took >= floodTurn:
		before := f.limit
		f.judge(flow{(reached.acked - f.begin.acked) / took.Seconds(), (reached.completed - f.begin.completed) / took.Seconds()})
		f.since, f.begin, f.settled = now, reached, f.limit == before
	}
	return f.limit
}

// judge compares the rate of a turn with that at the limit kept.
func (f *floodLimit) judge(rate flow) {
	switch tried := f.limit; {
	case tried == f.kept:
		f.at = f.at.meanWith(rate)
		if f.kept <= leastFloodPending {
			f.slow = f.at.completed < keepUp*f.at.acked
		}
		if f.resting--; f.resting <= 0 {
			f.try()
		}
	case tried > f.kept && f.gain(rate) >= worthMore:
		f.kept, f.at, f.resting, f.down = tried, rate, doubtTurns, true
		f.limit = min(f.most, 4*tried) // it pays: find the end soon
	case tried < f.kept && f.gain(rate) >= worthLess:
		f.kept, f.at, f.resting = tried, rate, restTurns
	case tried > f.kept && f.down: // the end of a growth
		f.limit, f.resting = f.kept, doubtTurns
	default:
		f.limit, f.resting = f.kept, restTurns
	}
}

// gain is a rate as a share of that at the limit kept: of completed records. Slow pods decide
// nothing as long as they do not complete fewer.
func (f *floodLimit) gain(rate flow) float64 {
	completed := min(rate.acked, rate.completed) / max(1, min(f.at.acked, f.at.completed))
	if f.slow && completed >= noFewer {
		return rate.acked / f.at.acked
	}
	return completed
}

// meanWith is the mean of a rate and a later one, which is all without an earlier one.
func (f flow) meanWith(later flow) flow {
	if f.acked == 0 {
		return later
	}
	return flow{(f.acked + later.acked) / 2, (f.completed + later.completed) / 2}
}

// try sets another limit for a turn: a larger and a smaller one by turns.
func (f *floodLimit) try() {
	if f.down && f.kept > leastFloodPending {
		f.limit = max(leastFloodPending, f.kept/2)
	} else {
		f.limit = min(f.most, f.kept*2)
	}
	f.down = !f.down
	if f.limit == f.kept {
		f.resting = restTurns
	}
}
