package measure

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

func TestTimeline(t *testing.T) {
	type phase struct {
		name     string
		from, to time.Duration
	}
	fault := func(name string, from, to time.Duration) Fault { return Fault{Name: name, From: from, To: to} }
	for name, c := range map[string]struct {
		warmup time.Duration
		faults []Fault
		want   []phase
	}{
		"no fault": {2 * sec, nil, []phase{{"warm-up", 0, 2 * sec}, {"steady", 2 * sec, forever}}},
		"no warm-up": {0, []Fault{fault("kill pod", 5*sec, 9*sec)}, []phase{
			{"steady", 0, 5 * sec}, {"kill pod", 5 * sec, 9 * sec}, {"recovery", 9 * sec, forever}}},
		"never healed": {sec, []Fault{fault("kill pod", 5*sec, harness.Never)}, []phase{
			{"warm-up", 0, sec}, {"steady", sec, 5 * sec}, {"kill pod", 5 * sec, forever}}},
		"two, out of order": {0, []Fault{fault("kill", 10*sec, 11*sec), fault("kill", 5*sec, 6*sec)}, []phase{
			{"steady", 0, 5 * sec}, {"kill", 5 * sec, 6 * sec}, {"recovery", 6 * sec, 10 * sec},
			{"kill 2", 10 * sec, 11 * sec}, {"recovery 2", 11 * sec, forever}}},
		"overlap goes to the earliest": {0, []Fault{fault("a", 5*sec, 8*sec), fault("b", 6*sec, 10*sec), fault("c", 7*sec, 9*sec)}, []phase{
			{"steady", 0, 5 * sec}, {"a", 5 * sec, 8 * sec}, {"b", 8 * sec, 10 * sec}, {"recovery", 10 * sec, forever}}},
		"fault within the warm-up": {4 * sec, []Fault{fault("a", 1*sec, 2*sec)}, []phase{
			{"warm-up", 0, 4 * sec}, {"recovery", 4 * sec, forever}}},
		"fault across its end": {4 * sec, []Fault{fault("a", 1*sec, 5*sec)}, []phase{
			{"warm-up", 0, 4 * sec}, {"a", 4 * sec, 5 * sec}, {"recovery", 5 * sec, forever}}},
	} {
		var got []phase
		for _, s := range cutPhases(c.warmup, c.faults) {
			got = append(got, phase{s.latencies.name, s.from, s.to})
		}
		equal(t, name, got, c.want, same)
	}
}

// byHand has one partition, a warm-up of 1 s, a fault from 2 s to 3 s and the
// load's end at 3.5 s.
//
//	offset  due   sent   acked  start  end    counts in
//	0       0.5   0.5    0.502  0.51   1.2    warm-up, though it ends in steady
//	1       1.2   1.21   1.214  1.3    1.4    steady
//	2       1.9   1.9    1.904  2.1    2.5    kill pod; its ack in steady
//	3       2.2   3.02   3.024  3.05   3.1    recovery; offered in kill pod
//	4       3.5   3.5    3.504  3.6    3.9    recovery
func byHand() (Config, []record) {
	cfg := Config{Partitions: 1, Warmup: sec, Load: 3500 * ms, Faults: []Fault{
		{Name: "kill pod", From: 2 * sec, To: 3 * sec, Partitions: []int32{0}}}}
	return cfg, []record{
		{offset: 0, due: 500 * ms, sent: 500 * ms, acked: 502 * ms, start: 510 * ms, end: 1200 * ms},
		{offset: 1, due: 1200 * ms, sent: 1210 * ms, acked: 1214 * ms, start: 1300 * ms, end: 1400 * ms},
		{offset: 2, due: 1900 * ms, sent: 1900 * ms, acked: 1904 * ms, start: 2100 * ms, end: 2500 * ms},
		{offset: 3, due: 2200 * ms, sent: 3020 * ms, acked: 3024 * ms, start: 3050 * ms, end: 3100 * ms},
		{offset: 4, due: 3500 * ms, sent: 3500 * ms, acked: 3504 * ms, start: 3600 * ms, end: 3900 * ms},
	}
}

func TestPhasesByHand(t *testing.T) {
	cfg, records := byHand()
	phases := recorded(cfg, history(records...)).Phases()
	type row struct {
		name                                          string
		from, to                                      time.Duration
		offered, completed                            float64
		ends, acks                                    int64
		endToEnd, delivery, service, ack, maxEndToEnd time.Duration // means
	}
	want := []row{
		// The rates are of the time: nothing ended within the warm-up, two within steady.
		{"warm-up", 0, 1000 * ms, 1, 0, 1, 1, 700 * ms, 10 * ms, 690 * ms, 2 * ms, 700 * ms},
		{"steady", 1000 * ms, 2000 * ms, 2, 2, 1, 2, 200 * ms, 90 * ms, 100 * ms, 4 * ms, 200 * ms},
		{"kill pod", 2000 * ms, 3000 * ms, 1, 1, 1, 0, 600 * ms, 200 * ms, 400 * ms, 0, 600 * ms},
		// One due in 0.5 s of load, two ended in 0.9 s.
		{"recovery", 3000 * ms, 3900 * ms, 2, 2 / 0.9, 2, 2, 650 * ms, 65 * ms, 175 * ms, 4 * ms, 900 * ms},
	}
	if len(phases) != len(want) {
		t.Fatalf("got %d phases, want %d: %+v", len(phases), len(want), phases)
	}
	for i, p := range phases {
		got := row{p.Name, p.From, p.To, p.Offered, p.Completed, p.EndToEnd.N, p.Ack.N,
			p.EndToEnd.Mean, p.Delivery.Mean, p.Service.Mean, p.Ack.Mean, p.EndToEnd.Max}
		if got != want[i] {
			t.Errorf("phase %d:\n got %+v\nwant %+v", i, got, want[i])
		}
		if p.Delivery.N != want[i].ends || p.Service.N != want[i].ends {
			t.Errorf("%s: %d deliveries and %d services, want %d", p.Name, p.Delivery.N, p.Service.N, want[i].ends)
		}
	}
}

// What ends in the instant of an injection ends within the fault.
func TestPhaseBoundary(t *testing.T) {
	p := recorded(Config{Partitions: 1, Load: 3 * sec, Faults: []Fault{{Name: "kill pod", From: 2 * sec, To: 3 * sec}}}, history(
		record{due: sec, sent: sec, acked: sec + ms, start: sec + 2*ms, end: 2 * sec})).Phases()
	if len(p) != 2 || p[0].EndToEnd.N != 0 || p[1].EndToEnd.N != 1 || p[1].Completed != 1 {
		t.Errorf("got %+v, want the record in the second phase", p)
	}
}

func TestTotalsByHand(t *testing.T) {
	cfg, records := byHand()
	r := recorded(cfg, history(records...))
	if got, want := r.MeanService(), 850*ms/4; got != want { // 100, 400, 50, 300
		t.Errorf("mean service %v, want %v", got, want)
	}
	// All but the last ended within the 2.5 s from warm-up to the load's end.
	if got, want := r.CompletedWhileLoaded(), 4/2.5; got != want {
		t.Errorf("completed while loaded %v/s, want %v/s", got, want)
	}
	l := r.Load()
	if want := 4 / 3.5; l.Offered != want {
		t.Errorf("offered %v/s, want %v/s", l.Offered, want)
	}
	if want := 4 / 3.0; l.Sent != want {
		t.Errorf("sent %v/s, want %v/s", l.Sent, want)
	}
	// The record due at 2.2 s was 0.82 s late, but within the fault.
	if l.Lateness.N != 4 || l.Lateness.Max != 10*ms {
		t.Errorf("lateness of %d records at most %v, want 4 and 10 ms", l.Lateness.N, l.Lateness.Max)
	}
	if got := r.Clamped(); got != 3 { // three were not late at all
		t.Errorf("clamped %d, want 3", got)
	}
	if got := r.Emptied(); got != 3900*ms {
		t.Errorf("the backlog was empty at %v, want 3.9 s", got)
	}
	records = append(records, record{offset: 5, due: 3 * sec, sent: 3 * sec, acked: 3100 * ms, end: absent})
	if got := recorded(cfg, inOrder(history(records...))).Emptied(); got != harness.Never {
		t.Errorf("a backlog with an open record was empty at %v", got)
	}
}

func TestSeriesByHand(t *testing.T) {
	cfg, records := byHand()
	cfg.Partitions, cfg.End = 2, 5*sec
	records = append(records, record{partition: 1, due: 2800 * ms, sent: 2800 * ms, acked: 2900 * ms, end: absent})
	events := inOrder(append(history(records...),
		commit(0, 1, 1300*ms, ledger.OutcomeConfirmed),
		commit(0, 3, 2600*ms, ledger.OutcomeUnknown), // not seen to hold: the lag stays
		commit(0, 5, 4*sec, ledger.OutcomeConfirmed), // at the step's end: the next one sees it
	))
	s := recorded(cfg, events).Series()
	equal(t, "offered", s.Offered, []float64{1, 2, 2, 1, 0}, same)
	equal(t, "completed", s.Completed, []float64{0, 2, 1, 2, 0}, same)
	equal(t, "backlog", s.Backlog, []int64{1, 1, 1, 1, 1}, same)
	equal(t, "lag", s.Lag, []int64{1, 2, 3, 5, 1}, same)
	equal(t, "age", s.Age, []time.Duration{500 * ms, 100 * ms, 200 * ms, 1200 * ms, 2200 * ms}, same)
	equal(t, "p50", s.P50, []time.Duration{0, 200 * ms, 600 * ms, 400 * ms, 0}, near)
	equal(t, "p99", s.P99, []time.Duration{0, 700 * ms, 600 * ms, 900 * ms, 0}, near)
	equal(t, "max", s.Max, []time.Duration{0, 700 * ms, 600 * ms, 900 * ms, 0}, same)
	equal(t, "backlog of 0", s.PartitionBacklog[0], []int64{1, 1, 0, 0, 0}, same)
	equal(t, "backlog of 1", s.PartitionBacklog[1], []int64{0, 0, 1, 1, 1}, same)
	equal(t, "lag of 0", s.PartitionLag[0], []int64{1, 2, 2, 4, 0}, same)
	equal(t, "lag of 1", s.PartitionLag[1], []int64{0, 0, 1, 1, 1}, same)
	equal(t, "age of 0", s.PartitionAge[0], []time.Duration{500 * ms, 100 * ms, 0, 0, 0}, same)
	equal(t, "age of 1", s.PartitionAge[1], []time.Duration{0, 0, 200 * ms, 1200 * ms, 2200 * ms}, same)
}

func TestSeriesStep(t *testing.T) {
	cfg := Config{Partitions: 1, Load: sec, Step: 210 * ms} // becomes 300 ms
	events := history(record{due: 0, sent: 0, acked: ms, start: 2 * ms, end: 899 * ms})
	for _, c := range []struct {
		end   time.Duration
		steps int
	}{{0, 3}, {900 * ms, 3}, {901 * ms, 4}, {1150 * ms, 4}} {
		cfg.End = c.end
		s := recorded(cfg, events).Series()
		if s.Step != 300*ms || len(s.Backlog) != c.steps || len(s.Completed) != c.steps {
			t.Errorf("end %v: %d levels and %d rates a %v, want %d a 300 ms", c.end, len(s.Backlog), len(s.Completed), s.Step, c.steps)
		}
	}
}

func TestEffectBeforeAck(t *testing.T) {
	cfg := Config{Partitions: 1, Load: 3 * sec}
	s := recorded(cfg, inOrder(append(history(
		record{offset: 0, due: 100 * ms, sent: 100 * ms, acked: 1100 * ms, start: 200 * ms, end: 900 * ms},
		record{offset: 1, due: 1200 * ms, sent: 1200 * ms, acked: 1210 * ms, start: 1300 * ms, end: 2500 * ms},
	), commit(0, 1, 950*ms, ledger.OutcomeConfirmed)))).Series()
	equal(t, "lag", s.Lag, []int64{0, 1, 1}, same)
	equal(t, "backlog", s.Backlog, []int64{0, 1, 0}, same)
	equal(t, "completed", s.Completed, []float64{1, 0, 1}, same)
}

func TestOnlyFirstEffectsOfTheSourceCount(t *testing.T) {
	rec := record{due: 0, sent: 0, acked: ms, start: 10 * ms, end: 20 * ms}
	again := rec
	again.start, again.end = 30*ms, 50*ms
	other := func(change func(e *ledger.Event)) ledger.Event {
		e := again.event(ledger.EventEnd, again.end)
		e.Outcome, e.First = ledger.OutcomeEffect, true
		change(&e)
		return e
	}
	for name, e := range map[string]ledger.Event{
		"redelivery":           other(func(e *ledger.Event) { e.First = false }),
		"error":                other(func(e *ledger.Event) { e.Outcome = ledger.OutcomeError }),
		"died":                 other(func(e *ledger.Event) { e.Outcome = ledger.OutcomeOpen }),
		"computed":             other(func(e *ledger.Event) { e.Outcome, e.Held = ledger.OutcomeComputed, false }),
		"no partition of ours": other(func(e *ledger.Event) { e.Origin = 1 }),
		"failed send":          {At: 50 * ms, Kind: ledger.EventAcked, Outcome: ledger.OutcomeFailed, Offset: 7},
	} {
		r := recorded(Config{Partitions: 1, Load: sec}, append(history(rec), e))
		s, p := r.Series(), r.Phases()
		if s.Completed[0] != 1 || s.Backlog[0] != 0 || p[0].Service.N != 1 || p[0].Ack.N != 1 {
			t.Errorf("%s: completed %v, backlog %v, %d services, %d acks; want 1, 0, 1, 1",
				name, s.Completed, s.Backlog, p[0].Service.N, p[0].Ack.N)
		}
	}
	at := other(func(e *ledger.Event) { e.Offset, e.Source = 1, 1 })
	if p := recorded(Config{Partitions: 1, Load: sec}, append(history(rec), at)).Phases(); p[0].Service.N != 2 {
		t.Errorf("an attempt that ended in its first instant: %d services, want 2", p[0].Service.N)
	}
}

func TestRecordsAreFinishedInSideTopics(t *testing.T) {
	way := record{offset: 7, due: 100 * ms, sent: 100 * ms, acked: 101 * ms, start: absent, end: absent}
	at := func(edge ledger.EventKind, topic uint16, o ledger.Outcome, end time.Duration) ledger.Event {
		e := way.event(edge, end)
		e.Topic, e.Offset, e.Outcome, e.Start = topic, 0, o, end-20*ms
		e.First = o == ledger.OutcomeEffect
		return e
	}
	for name, c := range map[string]struct {
		cfg                 Config
		end                 []ledger.Event
		completed, services int64
		backlog             int64
	}{
		"in a retry topic": {end: []ledger.Event{at(ledger.EventEnd, 1, ledger.OutcomeEffect, 500*ms)}, completed: 1, services: 1},
		"by an output": {cfg: Config{Output: true}, completed: 1, services: 2, end: []ledger.Event{
			at(ledger.EventEnd, 0, ledger.OutcomeComputed, 200*ms), at(ledger.EventEnd, 0, ledger.OutcomeComputed, 300*ms),
			at(ledger.EventEnd, 1, ledger.OutcomeEffect, 500*ms),
		}},
		"by a dead letter": {cfg: Config{DeadLetters: []uint16{1}}, end: []ledger.Event{at(ledger.EventCopied, 1, ledger.OutcomeConfirmed, 500*ms)}},
		"not by a copy":    {cfg: Config{DeadLetters: []uint16{2}}, end: []ledger.Event{at(ledger.EventCopied, 1, ledger.OutcomeConfirmed, 500*ms)}, backlog: 1},
	} {
		c.cfg.Partitions, c.cfg.Load = 1, sec
		c.cfg.Faults = []Fault{{Name: "f", From: 50 * ms, To: 60 * ms, Partitions: []int32{0}}}
		r := recorded(c.cfg, append(history(way), c.end...))
		s := r.Series()
		var services, endToEnd int64
		for _, p := range r.Phases() {
			services, endToEnd = services+p.Service.N, endToEnd+p.EndToEnd.N
		}
		if s.Completed[0] != float64(c.completed) || s.Backlog[0] != c.backlog || services != c.services || endToEnd != c.completed {
			t.Errorf("%s: completed %v, backlog %v, %d services, %d end to end; want %+v", name, s.Completed, s.Backlog, services, endToEnd, c)
		}
		if empty := r.Faults()[0].Empty; (empty == harness.Never) != (c.backlog > 0) {
			t.Errorf("%s: empty after %v", name, empty)
		}
	}
}

func TestClamped(t *testing.T) {
	day := 24 * time.Hour
	r := recorded(Config{Partitions: 1, Load: sec}, history(
		// lateness 0 and service 0 are below, ack and delivery negative; end-to-end fits
		record{offset: 0, due: 10 * ms, sent: 10 * ms, acked: 5 * ms, start: 8 * ms, end: 20 * ms},
		// end-to-end, service and ack above; lateness and delivery fit
		record{offset: 1, due: 20 * ms, sent: 30 * ms, acked: day, start: 40 * ms, end: day},
	))
	p := r.Phases()[0]
	for name, q := range map[string]harness.Quantiles{"end-to-end": p.EndToEnd, "delivery": p.Delivery, "service": p.Service, "ack": p.Ack} {
		if q.N != 2 {
			t.Errorf("%s: %d values, want 2: none may be dropped", name, q.N)
		}
	}
	if p.Ack.P50 != lowest || p.Ack.Max != highest {
		t.Errorf("ack latency from %v to %v, want %v to %v", p.Ack.P50, p.Ack.Max, lowest, highest)
	}
	if got := r.Clamped(); got != 6 {
		t.Errorf("clamped %d, want 6", got)
	}
}

func TestFlood(t *testing.T) {
	r := recorded(Config{Partitions: 1, Flood: true}, history(
		record{offset: 0, sent: 0, acked: 5 * ms, start: 10 * ms, end: 500 * ms},
		record{offset: 1, sent: 250 * ms, acked: 260 * ms, start: 1500 * ms, end: 2000 * ms},
	))
	p := r.Phases()
	if len(p) != 1 || p[0].Name != PhaseSteady || p[0].To != 2*sec || p[0].Completed != 1 || p[0].Offered != 0 {
		t.Fatalf("phases %+v, want steady alone, to 2 s, at 1/s", p)
	}
	if p[0].EndToEnd.N != 0 || p[0].Service.N != 2 {
		t.Errorf("%d end-to-end and %d service values, want 0 and 2", p[0].EndToEnd.N, p[0].Service.N)
	}
	l := r.Load()
	if l.Lateness.N != 0 || l.Offered != 0 || l.Sent != 4 || !l.Flood {
		t.Errorf("load %+v, want no lateness, nothing offered, sent at 4/s", l)
	}
	if got := r.CompletedWhileLoaded(); got != 1 {
		t.Errorf("completed while loaded %v/s, want 1/s", got)
	}
	if c := r.Latencies().Curves(); c != nil {
		t.Errorf("curves %v, want none", c)
	}
}

func TestKeysAsAchieved(t *testing.T) {
	var records []record
	add := func(key uint32, partition int32, n int) {
		for range n {
			records = append(records, record{key: key, partition: partition, offset: int64(len(records)), acked: ms, end: absent})
		}
	}
	add(900, 3, 82) // beyond the keys expected
	add(7, 0, 20)
	for k := range uint32(98) {
		add(100+k, int32(k%3), 1)
	}
	load := recorded(Config{Partitions: 4, Keys: 300, Load: sec}, history(records...)).Load()
	equal(t, "shares of the partitions", load.Partitions, []float64{0.265, 0.165, 0.16, 0.41}, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
	got := load.Keys
	want := harness.KeyReport{
		Distinct: 100,
		Top:      []harness.KeyShare{{Key: 900, Share: .41}, {Key: 7, Share: .1}, {Key: 100, Share: .005}, {Key: 101, Share: .005}, {Key: 102, Share: .005}},
		Top1Pct:  .41,  // of 100 keys one
		MaxPart:  1.64, // 82 on the fullest of 200 on four
	}
	if math.Abs(got.Top1Pct-want.Top1Pct) > 1e-12 {
		t.Errorf("top 1 %% has %v, want %v", got.Top1Pct, want.Top1Pct)
	}
	got.Top1Pct = want.Top1Pct
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestNothingHappened(t *testing.T) {
	r := NewRecorder(Config{Partitions: 2, Warmup: sec, Load: 2 * sec, End: 3 * sec, Faults: []Fault{{Name: "kill", From: 2 * sec, To: harness.Never}}})
	if n := len(r.Series().Lag); n != 3 {
		t.Errorf("%d steps, want 3", n)
	}
	if p := r.Phases(); len(p) != 2 || p[1].Completed != 0 {
		t.Errorf("phases %+v, want warm-up and steady, empty", p)
	}
	if r.Load().Offered != 0 || r.MeanService() != 0 || r.CompletedWhileLoaded() != 0 || r.Clamped() != 0 {
		t.Errorf("figures out of nothing: %+v", r.Load())
	}
	if f := r.Faults(); f[0].LongestGap != 0 || f[0].Empty != 0 || f[0].Steady {
		t.Errorf("recovery %+v, want nothing to recover", f[0])
	}
}
