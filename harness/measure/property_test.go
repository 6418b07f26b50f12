package measure

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// random is a history of everything that may happen: late sends, acks after the
// effect or never, work in any order, redeliveries, errors, records left.
func random(seed uint64, n int) (Config, []record, []ledger.Event) {
	rng := rand.New(rand.NewPCG(seed, 1))
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
	cfg := Config{Partitions: 1 + rng.IntN(4), Warmup: sec, Faults: []Fault{
		{Name: "kill pod", From: 3*sec + upTo(sec), To: 5 * sec, Partitions: []int32{0}}}}
	records := make([]record, n)
	next := make([]int64, cfg.Partitions)
	for i := range records {
		p := rng.IntN(cfg.Partitions)
		due := time.Duration(i) * 8 * sec / time.Duration(n)
		r := record{partition: int32(p), offset: next[p], key: uint32(rng.IntN(50)), due: due, sent: due + upTo(5*ms)}
		next[p]++
		r.acked = r.sent + upTo(100*ms)
		r.start = r.sent + upTo(200*ms)
		r.end = r.start + upTo([]time.Duration{ms, 50 * ms, 3 * sec}[rng.IntN(3)])
		switch rng.IntN(40) {
		case 0:
			r.acked = absent
		case 1:
			r.end = absent
		}
		records[i] = r
		cfg.Load = due
	}
	events := history(records...)
	for _, e := range slices.Clone(events) {
		if e.First && rng.IntN(10) == 0 {
			e.First = false
			e.At += upTo(sec)
			e.Outcome = []ledger.Outcome{ledger.OutcomeEffect, ledger.OutcomeError, ledger.OutcomeOpen}[rng.IntN(3)]
			events = append(events, e)
		}
	}
	return cfg, records, inOrder(events)
}

func TestSeriesAgainstCounting(t *testing.T) {
	for seed := range uint64(20) {
		cfg, records, events := random(seed, 3000)
		r := NewRecorder(cfg)
		for chunk := range slices.Chunk(events, 97) {
			r.Observe(chunk)
		}
		s := r.Series()
		var offered, completed, ended float64
		for i := range s.Backlog {
			offered, completed = offered+s.Offered[i], completed+s.Completed[i]
			backlog, age := countOpen(records, time.Duration(i+1)*sec)
			if s.Backlog[i] != backlog || s.Age[i] != age {
				t.Fatalf("seed %d, step %d: backlog %d of age %v, counted %d of %v", seed, i, s.Backlog[i], s.Age[i], backlog, age)
			}
			var parts int64
			for p := range s.PartitionBacklog {
				if s.PartitionBacklog[p][i] < 0 || s.PartitionLag[p][i] < 0 {
					t.Fatalf("seed %d, step %d: partition %d is below zero", seed, i, p)
				}
				parts += s.PartitionBacklog[p][i]
			}
			if parts != s.Backlog[i] {
				t.Fatalf("seed %d, step %d: backlog %d, its partitions %d", seed, i, s.Backlog[i], parts)
			}
		}
		for _, r := range records {
			if r.end != absent {
				ended++
			}
		}
		if offered != float64(len(records)) || completed != ended {
			t.Errorf("seed %d: offered %v of %d, completed %v of %v", seed, offered, len(records), completed, ended)
		}
		var byPhase int64
		for _, p := range r.Phases() {
			byPhase += p.EndToEnd.N
		}
		if float64(byPhase) != ended {
			t.Errorf("seed %d: phases have %d records, %v ended", seed, byPhase, ended)
		}
	}
}

// countOpen is what the recorder replays, counted from all records.
func countOpen(records []record, now time.Duration) (n int64, age time.Duration) {
	for _, r := range records {
		if r.acked != absent && r.acked < now && (r.end == absent || r.end >= now) {
			n++
			age = max(age, now-r.due)
		}
	}
	return n, age
}

// All but two bits a record.
func TestMemoryIsBoundedByWhatIsOpen(t *testing.T) {
	p := &partition{}
	p.openRecord(0, 0) // never finished
	for i := int64(1); i < 100_000; i++ {
		p.openRecord(i, time.Duration(i))
		if i > 10 {
			p.completeRecord(i - 10)
		}
		if due, ok := p.oldestDue(); i%1000 == 0 && (!ok || due != 0) {
			t.Fatalf("after %d records the oldest is %v, want the first", i, due)
		}
	}
	if len(p.queue) > 1000 || p.open != 11 {
		t.Errorf("%d in the queue for %d open records", len(p.queue), p.open)
	}
}

func TestMergedEqualsTogether(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		var together, a, b histogram
		for i := range 1 + rng.IntN(5000) {
			// From below the range to above it, evenly over the orders of magnitude.
			v := time.Duration(1) << rng.IntN(43)
			v += time.Duration(rng.Int64N(int64(v)))
			together.recordValue(v)
			if i%3 == 0 {
				a.recordValue(v)
			} else {
				b.recordValue(v)
			}
		}
		var merged histogram
		merged.mergeFrom(&a)
		merged.mergeFrom(&b)
		if got, want := merged.quantiles(), together.quantiles(); got != want {
			t.Fatalf("merged %+v\ntogether %+v", got, want)
		}
		if merged.clamped != together.clamped {
			t.Fatalf("merged clamped %d, together %d", merged.clamped, together.clamped)
		}
		if !reflect.DeepEqual(merged.curvePoints(), together.curvePoints()) {
			t.Fatal("the merged curve is another")
		}
	}
}

func TestQuantilesAgainstSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var h histogram
	var values []time.Duration
	var sum time.Duration
	for range 20_000 {
		v := lowest + time.Duration(rng.Int64N(int64(10*sec)))>>rng.IntN(20)
		h.recordValue(v)
		values, sum = append(values, v), sum+v
	}
	slices.Sort(values)
	q := h.quantiles()
	at := func(p float64) time.Duration { return values[int(p*float64(len(values)))-1] }
	for _, c := range []struct{ got, want time.Duration }{{q.P50, at(.5)}, {q.P90, at(.9)}, {q.P99, at(.99)}, {q.P999, at(.999)}} {
		if c.got < c.want || !near(c.got, c.want) {
			t.Errorf("got %v, want %v or up to 0.1 %% more", c.got, c.want)
		}
	}
	var one histogram
	one.recordValue(12345678)
	if q := one.quantiles(); q.P50 != 12345678 || q.P999 != 12345678 {
		t.Errorf("quantiles of one value are above it: %+v", q)
	}
	if q.Max != values[len(values)-1] || q.Mean != sum/time.Duration(len(values)) {
		t.Errorf("max %v and mean %v, want exactly %v and %v", q.Max, q.Mean, values[len(values)-1], sum/time.Duration(len(values)))
	}
}
