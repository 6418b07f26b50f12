package measure

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// polled is a poll by the pod without a number, which all records of a history have.
func polled(partition int32, from, to int64, at time.Duration) ledger.Event {
	return ledger.Event{At: at, Kind: ledger.EventPolled, Partition: partition, Offset: from, To: to}
}

func meansOf(s *harness.LatencyStages) (means []time.Duration) {
	for _, p := range s.Parts {
		means = append(means, p.Latency.Mean)
	}
	return means
}

func TestStagesSplitTheLatencyOfARecord(t *testing.T) {
	of := record{due: 0, sent: 1 * ms, acked: 4 * ms, start: 10 * ms, end: 30 * ms}
	late, unacked := of, of
	late.acked, unacked.acked = 40*ms, absent
	poll := polled(0, 0, 1, 9*ms)
	for name, c := range map[string]struct {
		record
		polls     []ledger.Event
		want      []time.Duration
		unfetched int64
	}{
		"all times known":                {of, []ledger.Event{poll}, []time.Duration{ms, 3 * ms, 5 * ms, ms, 20 * ms}, 0},
		"the last poll before the work":  {of, []ledger.Event{polled(0, 0, 1, 5*ms), poll, polled(0, 0, 1, 11*ms)}, []time.Duration{ms, 3 * ms, 5 * ms, ms, 20 * ms}, 0},
		"fetched before the ack arrived": {of, []ledger.Event{polled(0, 0, 1, 3*ms)}, []time.Duration{ms, 2 * ms, 0, 7 * ms, 20 * ms}, 0},
		"worked on before the ack":       {late, []ledger.Event{poll}, []time.Duration{ms, 8 * ms, 0, ms, 20 * ms}, 0},
		"never acknowledged":             {unacked, []ledger.Event{poll}, []time.Duration{ms, 8 * ms, 0, ms, 20 * ms}, 0},
		"no poll known":                  {of, []ledger.Event{polled(1, 0, 1, 9*ms), polled(0, 1, 2, 9*ms)}, []time.Duration{ms, 3 * ms, 6 * ms, 0, 20 * ms}, 1},
	} {
		s := recorded(Config{Partitions: 2}, inOrder(append(history(c.record), c.polls...))).Stages()
		equal(t, name, meansOf(s), c.want, same)
		if s.Unfetched != c.unfetched {
			t.Errorf("%s: %d records without a poll, want %d", name, s.Unfetched, c.unfetched)
		}
	}
}

// The shares are of the whole latency: the times of all stages add up to it.
func TestStagesAddUpToTheLatency(t *testing.T) {
	cfg, records, events := random(7, 3000)
	for _, r := range records {
		if r.end != absent {
			events = append(events, polled(r.partition, r.offset, r.offset+1, (r.sent+r.start)/2))
		}
	}
	r := recorded(cfg, inOrder(events))
	all, s := r.Latencies().Set(PhaseAll).EndToEnd, r.Stages()
	var shares float64
	var total time.Duration
	for _, p := range s.Parts {
		if p.Latency.N != all.N {
			t.Errorf("%s has %d records of %d", p.Name, p.Latency.N, all.N)
		}
		shares += p.Share
		total += p.Latency.Mean
	}
	if shares < 0.999999 || shares > 1.000001 {
		t.Errorf("the shares add up to %v, want 1", shares)
	}
	if off := total - all.Mean; off < -time.Microsecond || off > time.Microsecond {
		t.Errorf("the means of the stages add up to %v, want the mean latency of %v", total, all.Mean)
	}
}

func TestNoStagesWithoutEndToEndLatency(t *testing.T) {
	one := record{sent: ms, acked: 2 * ms, start: 3 * ms, end: 4 * ms}
	for name, cfg := range map[string]Config{
		"a flood":     {Partitions: 1, Flood: true},
		"outputs":     {Partitions: 1, Output: true},
		"the warm-up": {Partitions: 1, Warmup: sec},
	} {
		if s := recorded(cfg, history(one)).Stages(); s != nil {
			t.Errorf("%s has stages: %+v", name, s)
		}
	}
}

// The memory of stages grows with the records that wait, and not with those that were sent.
func TestStagesForgetCompletedRecords(t *testing.T) {
	r := NewRecorder(Config{Partitions: 1})
	for i := range 100 * int64(pieceSize) {
		at := time.Duration(i) * ms
		r.Observe(history(record{offset: i, due: at, sent: at, acked: at, start: at, end: at + ms/2}))
		r.Observe([]ledger.Event{polled(0, i, i+1, at)})
	}
	if n := len(r.stages.acked[0].pieces); n > 1 {
		t.Errorf("%d pieces are kept of a log without an open record", n)
	}
	for _, ring := range r.stages.polls {
		if len(ring.ring) > mostPolls {
			t.Errorf("%d polls are kept", len(ring.ring))
		}
	}
}
