package measure

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// stream is a record every 10 ms on one partition until a time, acked after
// 1 ms; end says when each is done (absent: never, and skip: not sent at all).
const skip = time.Duration(-2)

func stream(partition int32, until time.Duration, end func(due time.Duration) time.Duration) (records []record) {
	for due := time.Duration(0); due < until; due += 10 * ms {
		e := end(due)
		if e == skip {
			continue
		}
		records = append(records, record{
			partition: partition, offset: int64(len(records)),
			due: due, sent: due, acked: due + ms, start: e - 5*ms, end: e,
		})
	}
	return records
}

// healthy work is done 25 ms after a record is due: at each full 100 ms two
// records are open.
func healthy(due time.Duration) time.Duration { return due + 25*ms }

// outage is a time in which nothing ends; what was due in it ends right after
// it, at ten times the rate.
func outage(from, to time.Duration) func(time.Duration) time.Duration {
	return func(due time.Duration) time.Duration {
		if due < from || due >= to {
			return healthy(due)
		}
		return to + (due-from)/10
	}
}

func TestRecovery(t *testing.T) {
	const never = harness.Never
	stopped := func(at time.Duration) func(time.Duration) time.Duration {
		return func(due time.Duration) time.Duration {
			if due >= at {
				return absent
			}
			return healthy(due)
		}
	}
	for name, c := range map[string]struct {
		warmup, injected, load time.Duration
		end                    func(time.Duration) time.Duration
		want                   harness.FaultReport
	}{
		"quick": {0, 10 * sec, 20 * sec, outage(10*sec, 12*sec),
			// The last effect before it is at 10.015 s, the last of the run at 20.015 s.
			harness.FaultReport{Steady: true, RateBack: 2 * sec, BacklogBack: 2200 * ms, LongestGap: 1985 * ms, Empty: 10015 * ms}},
		"nothing to see": {0, 10 * sec, 20 * sec, healthy,
			harness.FaultReport{Steady: true, RateBack: 0, BacklogBack: 0, LongestGap: 10 * ms, Empty: 10015 * ms}},
		"injected within a tenth": {0, 10*sec + 50*ms, 20 * sec, healthy,
			harness.FaultReport{Steady: true, RateBack: 0, BacklogBack: 0, LongestGap: 10 * ms, Empty: 9965 * ms}},
		"never": {0, 10 * sec, 20 * sec, stopped(10 * sec),
			harness.FaultReport{Steady: true, RateBack: never, BacklogBack: never, LongestGap: never, Empty: never}},
		"the load ends first": {0, 10 * sec, 13500 * ms, outage(10*sec, 13*sec),
			harness.FaultReport{Steady: true, RateBack: never, BacklogBack: 3300 * ms, LongestGap: 2985 * ms, Empty: 3515 * ms}},
		"the load ends within the hold": {0, 10 * sec, 14500 * ms, outage(10*sec, 13*sec),
			harness.FaultReport{Steady: true, RateBack: 3 * sec, BacklogBack: 3300 * ms, LongestGap: 2985 * ms, Empty: 4515 * ms}},
		"a second dip within the hold": {0, 10 * sec, 20 * sec, func(due time.Duration) time.Duration {
			if due < 13*sec {
				return outage(10*sec, 12*sec)(due)
			}
			return outage(13*sec, 15*sec)(due)
		}, harness.FaultReport{Steady: true, RateBack: 5 * sec, BacklogBack: 5200 * ms, LongestGap: 1985 * ms, Empty: 10015 * ms}},
		"too little steady": {6 * sec, 10 * sec, 20 * sec, outage(10*sec, 12*sec),
			harness.FaultReport{Steady: false, LongestGap: 1985 * ms, Empty: 10015 * ms}},
		"a burst, then the fault": {0, 2 * sec, 2 * sec, outage(2*sec-100*ms, 8*sec),
			// What was due in the last 100 ms waits until 8 s and is done by 8.009 s.
			harness.FaultReport{Steady: false, LongestGap: 6 * sec, Empty: 6009 * ms}},
		"a gap with nothing to do": {0, 10 * sec, 20 * sec, func(due time.Duration) time.Duration {
			if due >= 12*sec && due < 18*sec {
				return skip
			}
			return healthy(due)
			// No rate is held while no record is due; its first tenth is short of 2 records.
		}, harness.FaultReport{Steady: true, RateBack: 8100 * ms, BacklogBack: 8100 * ms, LongestGap: 24 * ms, Empty: 10015 * ms}},
		"then effects before their acks": {0, 10 * sec, 20 * sec, func(due time.Duration) time.Duration {
			switch {
			case due >= 18*sec:
				return due + ms/2
			case due >= 12*sec:
				return skip
			}
			return healthy(due)
		}, harness.FaultReport{Steady: true, RateBack: 8 * sec, BacklogBack: 8 * sec, LongestGap: 10 * ms, Empty: 2015 * ms}},
		"a steady backlog with a spike": {0, 10 * sec, 20 * sec, func(due time.Duration) time.Duration {
			switch {
			case due >= 10*sec && due < 12*sec:
				return 12*sec + (due-10*sec)/2
			case due >= 10*sec:
				return healthy(due)
			}
			return outage(5*sec, 5400*ms)(due) // 40 at its height, in 4 of 100 samples
		}, harness.FaultReport{Steady: true, RateBack: 2 * sec, BacklogBack: 3 * sec, LongestGap: 1985 * ms, Empty: 10015 * ms}},
		"one lost, the others fine": {0, 10 * sec, 20 * sec, func(due time.Duration) time.Duration {
			if due == 10*sec {
				return absent
			}
			return outage(10*sec, 14*sec)(due)
			// Under load there is always one more open than before, after it one.
		}, harness.FaultReport{Steady: true, RateBack: 4 * sec, BacklogBack: 10100 * ms, LongestGap: 3986 * ms, Empty: never}},
	} {
		t.Run(name, func(t *testing.T) {
			records := stream(0, c.load, c.end)
			// The other partition is not affected: neither its work nor its backlog matters.
			records = append(records, stream(1, c.load, func(due time.Duration) time.Duration {
				if due%(20*ms) == 0 {
					return absent
				}
				return healthy(due)
			})...)
			fault := Fault{Name: "kill", From: c.injected, To: c.injected + sec, Partitions: []int32{0}}
			events := history(records...)
			r := recorded(Config{Partitions: 2, Warmup: c.warmup, Load: c.load, End: c.load + 2*sec, Faults: []Fault{fault}}, events)
			got := r.Faults()[0]
			if got.Name != "kill" || got.Injected != fault.From || got.Healed != fault.To || len(got.Partitions) != 1 {
				t.Errorf("fault %+v, want as configured", got)
			}
			c.want.Name, c.want.Injected, c.want.Healed, c.want.Partitions = got.Name, got.Injected, got.Healed, nil
			got.Partitions = nil
			if g, w := measuredFields(got), measuredFields(c.want); g != w {
				t.Errorf("\n got %+v\nwant %+v", g, w)
			}
		})
	}
}

type recovery struct {
	Steady                                   bool
	RateBack, BacklogBack, Empty, LongestGap time.Duration
}

func measuredFields(f harness.FaultReport) recovery {
	return recovery{f.Steady, f.RateBack, f.BacklogBack, f.Empty, f.LongestGap}
}

// A run that is cut off before the fault could show must not claim that all is
// well.
func TestRecoveryOfARunCutShort(t *testing.T) {
	fault := Fault{Name: "kill", From: 10 * sec, To: harness.Never, Partitions: []int32{0}}
	events := history(stream(0, 10*sec+300*ms, healthy)...)
	for i := range events {
		if events[i].At > 10*sec+200*ms {
			events = events[:i]
			break
		}
	}
	got := recorded(Config{Partitions: 1, Load: 10*sec + 200*ms, Faults: []Fault{fault}}, events).Faults()[0]
	if got.RateBack != harness.Never || got.BacklogBack != harness.Never {
		t.Errorf("rate back %v, backlog back %v; want never", got.RateBack, got.BacklogBack)
	}
}
