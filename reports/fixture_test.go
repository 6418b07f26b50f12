package reports

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// fixture is a comparison as a real one would be: three consumers in five
// scenarios, their series from a small model of queues.
func fixture() *harness.Comparison {
	f := &maker{r: rand.New(rand.NewPCG(7, 7))}
	c := &f.c
	*c = harness.Comparison{
		Version: harness.ResultVersion, Started: time.Date(2026, 11, 23, 1, 58, 4, 0, time.UTC), Took: 4*time.Minute + 12*time.Second,
		Command: "make bench SCENARIO=steady,hot-key,broker-kill,pod-crash,workers CONSUMER=serial,naive,keyed SEED=7",
		Seed:    7, Backend: "embedded", Broker: "kfake, 3 nodes on loopback", Modelled: true,
		Environment: []harness.Setting{
			{Name: "goos", Value: "linux"}, {Name: "goarch", Value: "amd64"}, {Name: "cpu", Value: "Example CPU @ 2.50GHz"},
			{Name: "CPUs", Value: "2"}, {Name: "memory", Value: "7.8 GiB"}, {Name: "kernel", Value: "6.1.0"}, {Name: "go", Value: "go1.26.8"},
			{Name: "franz-go", Value: "v1.22.2"},
		},
		Settings: []harness.Setting{
			{Name: "producer", Value: "idempotent, acks=all, no compression, linger 0"},
			{Name: "heartbeat", Value: "a sixth of the session"}, {Name: "max poll", Value: "100 records"},
			{Name: "rebalance timeout", Value: "10 s"}, {Name: "replication", Value: "none: the broker is modelled"},
		},
	}
	c.Scenarios = []harness.ScenarioInfo{
		{Name: "steady", Doc: "The calm before any storm: an even load that every design should carry.", Pacer: "constant 600/s", Keys: "uniform:20000", Service: "4ms", Partitions: 12, Pods: 3, Warmup: 4 * time.Second, Load: 30 * time.Second},
		{Name: "hot-key", Doc: "A fifth of the load is one key. Who holds the other keys back behind it?", Pacer: "constant 600/s", Keys: "hot:0.2/1/10000", Service: "4ms", Partitions: 12, Pods: 3, Warmup: 4 * time.Second, Load: 30 * time.Second},
		{Name: "broker-kill", Doc: "The leader of the fullest partition dies and comes back. Who loses its place, and how long is the wait?", Pacer: "constant 600/s", Keys: "uniform:20000", Service: "4ms", Partitions: 12, Pods: 3, Warmup: 4 * time.Second, Load: 36 * time.Second, Faults: []string{"kill broker at 14 s, healed 6 s later"}},
		{Name: "pod-crash", Doc: "A burst, then a pod dies with work in hand. Who committed what it had not done?", Pacer: "burst 1800 in 1s", Keys: "uniform:20000", Service: "20ms", Partitions: 6, Pods: 3, Workers: 4, Load: time.Second, Commit: 500 * time.Millisecond, Faults: []string{"kill pod at 1 s, healed 8 s later"}, Thresholds: harness.Thresholds{WorkInFlight: 2}},
		{Name: "workers", Doc: "More is offered than any design can do. How much of its own bound does each complete?", Pacer: "constant 4400/s", Keys: "uniform:20000", Service: "100ms", Partitions: 4, Pods: 4, Workers: 100, Warmup: 4 * time.Second, Load: 20 * time.Second, MayOverload: true, Thresholds: harness.Thresholds{OfBound: 0.9}},
	}
	for i := range c.Scenarios {
		s := &c.Scenarios[i]
		s.Payload, s.Drain, s.Session = 200, 30*time.Second, 6*time.Second
		s.Commit = max(s.Commit, time.Second)
		if s.Name == "pod-crash" {
			s.Commit = 500 * time.Millisecond
		}
		if s.Workers == 0 {
			s.Workers = 50
		}
		s.Window = 500
	}
	c.Consumers = []harness.ConsumerInfo{
		{Name: "serial@cooperative", Base: "serial", Doc: "Polls, works the records one by one, commits. The simplest design that is right.", Delivery: harness.AtLeastOnce, Order: harness.OrderPartition, Protocol: harness.Cooperative, Parallelism: 1},
		{Name: "naive@cooperative", Base: "naive", Doc: "Hands records to workers through a queue and lets the client commit by itself what it has fetched.", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Protocol: harness.Cooperative, Parallelism: 50, MustFail: []harness.Expectation{{Scenario: "pod-crash", Check: oracle.CheckLoss}}},
		{Name: "keyed@cooperative", Base: "keyed", Doc: "A queue for each key, workers over them, commits up to the low watermark, drains when partitions are revoked.", Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Protocol: harness.Cooperative, Parallelism: 50, Knobs: map[string]string{"window": "500", "drain": "2s"}},
	}
	for _, s := range c.Scenarios {
		for _, i := range c.Consumers {
			f.run(s, i)
		}
	}
	c.Planned = len(c.Runs)
	return c
}

// maker makes runs.
type maker struct {
	c harness.Comparison
	r *rand.Rand
}

func (f *maker) run(s harness.ScenarioInfo, i harness.ConsumerInfo) {
	pods, parallel := float64(s.Pods), 1.0
	if i.Base != "serial" {
		parallel = float64(s.Workers)
	}
	service, _ := time.ParseDuration(s.Service)
	run := harness.Run{
		Scenario: s.Name, Consumer: i.Name, Repeat: 1, Seed: 7, Started: f.c.Started.Add(time.Duration(len(f.c.Runs)) * 16 * time.Second),
		Took: s.Load + 4*time.Second, Status: harness.Pass, Expected: true, Bound: pods * parallel / service.Seconds() * 0.996,
		Assumptions: []harness.Assumption{
			{Name: "group formed", Held: true, Detail: fmt.Sprintf("%d pods owned partitions 1.2 s before the first due", s.Pods)},
			{Name: "load delivered", Held: true, Detail: "lateness p99 2.1 ms, limit 100 ms"},
			{Name: "observers kept up", Held: true, Detail: "commits, owners and log ends without a gap"},
			{Name: "ledger complete", Held: true, Detail: "every slot sealed or reaped"},
		},
		Host: harness.HostReport{CPUs: 2, Busy: 0.41, Steal: 0.002},
	}
	if s.Name == "pod-crash" {
		run.Assumptions = append(run.Assumptions, harness.Assumption{Name: "work in flight", Held: true, Detail: "2.6 commit intervals at the kill, 2 asked"})
	}
	f.series(&run, s, service)
	f.verdicts(&run, i)
	f.pods(&run, s, parallel)
	f.cell(&run)
}

// series runs a queue with a server of the run's bound, hampered by the faults.
func (f *maker) series(run *harness.Run, s harness.ScenarioInfo, service time.Duration) {
	const step = 500 * time.Millisecond
	offered := map[string]float64{"pod-crash": 1800, "workers": 4400}[s.Name]
	if offered == 0 {
		offered = 600
	}
	q := &run.Series
	q.Step = step
	var backlog, landed, done, busy float64
	var wait float64
	for n := 0; ; n++ {
		t := float64(n) * step.Seconds()
		in, capacity := 0.0, run.Bound*(0.985+0.02*f.r.Float64())
		if t < s.Load.Seconds() {
			in = offered * (1 + 0.01*f.r.NormFloat64())
		}
		if s.Name == "hot-key" && run.Consumer == "serial@cooperative" {
			capacity *= 0.93
		}
		if s.Name == "broker-kill" && t >= 14 && t < 16.5 {
			capacity *= 0.62 * (t - 13.5) / 3
			if run.Consumer != "serial@cooperative" {
				capacity = offered * 0.66
			}
		}
		if s.Name == "pod-crash" && t >= 1 && t < 9 {
			capacity *= 0.67
		}
		out := min(backlog+in*step.Seconds(), capacity*step.Seconds())
		backlog += in*step.Seconds() - out
		backlog = max(backlog, 0)
		landed, done = landed+in*step.Seconds(), done+out
		if t < s.Load.Seconds() && t >= s.Warmup.Seconds() {
			busy += out
		}
		wait = 0
		if backlog > 1 {
			wait = t + step.Seconds() - done/offered
		}
		p50 := service.Seconds() * (1.25 + 0.1*f.r.Float64()) * (1 + 0.4*min(in/run.Bound, 1))
		q.Offered = append(q.Offered, math.Round(in))
		q.Completed = append(q.Completed, math.Round(out/step.Seconds()))
		q.Backlog = append(q.Backlog, int64(backlog+in*p50))
		q.Lag = append(q.Lag, int64(backlog+in*(p50+s.Commit.Seconds()/2)))
		q.Age = append(q.Age, dur(wait*1.02+2.2*p50*float64(min(1, int(in+backlog)))))
		if out < 1 {
			p50 = 0
		}
		q.P50 = append(q.P50, dur((wait+p50)*float64(min(1, int(out)))))
		q.P99 = append(q.P99, dur((wait*1.08+p50*(2.1+0.5*f.r.Float64()))*float64(min(1, int(out)))))
		q.Max = append(q.Max, dur((wait*1.1+p50*(3+f.r.Float64()))*float64(min(1, int(out)))))
		if t >= s.Load.Seconds() && backlog < 1 || t >= (s.Load+s.Drain).Seconds() {
			break
		}
	}
	end := time.Duration(len(q.Backlog)) * step
	run.Took = end + 3*time.Second
	run.Completed = busy / max((s.Load-s.Warmup).Seconds(), 1)
	run.Load = harness.LoadReport{
		Offered: offered, Sent: offered, Lateness: quantiles(landed, 0.0003, 0.0021),
		Keys: harness.KeyReport{Distinct: 11874, Top: []harness.KeyShare{{Key: 17, Share: 0.00041}}, Top1Pct: 0.016, MaxPart: 1.04},
	}
	if s.Name == "hot-key" {
		run.Load.Keys = harness.KeyReport{Distinct: 7611, Top: []harness.KeyShare{{Key: 0, Share: 0.2003}}, Top1Pct: 0.214, MaxPart: 3.21}
	}
	run.Counts = harness.Counts{Sent: int64(landed), Acked: int64(landed), Appended: int64(landed), Completed: int64(done), Attempts: int64(done)}
	if backlog > 1 {
		run.Counts.Unfinished = int64(backlog)
		run.Counts.Completed = run.Counts.Appended - run.Counts.Unfinished
		run.Status, run.Reasons = harness.Overload, []string{fmt.Sprintf("%d of %d records unfinished at the deadline while completions went on", int64(backlog), int64(landed))}
	}
	f.faults(run, s, end)
	f.phases(run, s, service, end)
}

func (f *maker) faults(run *harness.Run, s harness.ScenarioInfo, end time.Duration) {
	serial := run.Consumer == "serial@cooperative"
	switch s.Name {
	case "broker-kill":
		fr := harness.FaultReport{
			Name: "kill broker", Target: "node 2, leader of partition 7", Injected: 14003 * time.Millisecond, Healed: 20011 * time.Millisecond,
			Partitions: []int32{1, 4, 7, 10}, Steady: true, RateBack: 2 * time.Second, BacklogBack: 3 * time.Second, Empty: 3 * time.Second, LongestGap: 512 * time.Millisecond,
		}
		if serial {
			fr.RateBack, fr.BacklogBack, fr.Empty = 2500*time.Millisecond, 9500*time.Millisecond, 9*time.Second
		}
		run.Faults = []harness.FaultReport{fr}
		run.Rebalances = 0
	case "pod-crash":
		fr := harness.FaultReport{
			Name: "kill pod", Target: "pod-1", Injected: 1002 * time.Millisecond, Healed: 9006 * time.Millisecond, Partitions: []int32{2, 3},
			Empty: end - time.Second, LongestGap: 6100 * time.Millisecond, WorkInFlight: 1310 * time.Millisecond,
		}
		if serial {
			fr.WorkInFlight = 11200 * time.Millisecond
		}
		run.Faults = []harness.FaultReport{fr}
		run.Rebalances = 2
		run.Counts.Redelivered = 41
		if serial {
			run.Counts.Redelivered = 17
		}
		run.Counts.Attempts += run.Counts.Redelivered
	}
}

func (f *maker) phases(run *harness.Run, s harness.ScenarioInfo, service, end time.Duration) {
	cuts := []struct {
		name     string
		from, to time.Duration
	}{{"warm-up", 0, s.Warmup}, {"steady", s.Warmup, s.Load}}
	switch s.Name {
	case "broker-kill":
		cuts[1].to = 14 * time.Second
		cuts = append(cuts, struct {
			name     string
			from, to time.Duration
		}{"kill broker", 14 * time.Second, 20 * time.Second}, struct {
			name     string
			from, to time.Duration
		}{"recovery", 20 * time.Second, end})
	case "pod-crash":
		cuts = cuts[:0]
		cuts = append(cuts, struct {
			name     string
			from, to time.Duration
		}{"kill pod", time.Second, 9 * time.Second}, struct {
			name     string
			from, to time.Duration
		}{"recovery", 9 * time.Second, max(end, 10*time.Second)})
	}
	cuts[len(cuts)-1].to = max(cuts[len(cuts)-1].to, end)
	for _, cut := range cuts {
		a, b := int(cut.from/run.Series.Step), min(int(cut.to/run.Series.Step), len(run.Series.P50))
		if a >= b {
			continue
		}
		var p50, p99, worst, done, in float64
		for n := a; n < b; n++ {
			k := float64(b - a)
			p50 += run.Series.P50[n].Seconds() / k
			p99 = max(p99, run.Series.P99[n].Seconds()*0.97)
			worst = max(worst, run.Series.Max[n].Seconds())
			done += run.Series.Completed[n] / k
			in += run.Series.Offered[n] / k
		}
		n := done * (cut.to - cut.from).Seconds()
		e2e := quantiles(n, p50, p99)
		e2e.Max = dur(worst)
		run.Phases = append(run.Phases, harness.Phase{
			Name: cut.name, From: cut.from, To: cut.to, Offered: in, Completed: done, EndToEnd: e2e,
			Delivery: quantiles(n, max(p50-service.Seconds(), 0.0004), max(p99-service.Seconds(), 0.0009)),
			Service:  quantiles(n, service.Seconds()*1.004, service.Seconds()*1.03), Ack: quantiles(n, 0.0009, 0.0041),
		})
	}
}

func (f *maker) verdicts(run *harness.Run, i harness.ConsumerInfo) {
	run.Verdicts = []harness.Verdict{
		{Check: oracle.CheckLoss, HeldTo: "at-least-once", Status: harness.Pass, AtMost: upperLimit(max(1, int64(len(run.Faults))))},
		{Check: oracle.CheckUnexplainedDuplicate, HeldTo: "at-least-once", Status: harness.Pass},
		{Check: oracle.CheckRedelivery, Status: harness.NotJudged, Count: run.Counts.Redelivered},
		{Check: oracle.CheckKeyInversion, Status: harness.NotJudged},
		{Check: oracle.CheckOverlap, Status: harness.NotJudged},
		{Check: oracle.CheckPhantom, HeldTo: "at-least-once", Status: harness.Pass},
		{Check: oracle.CheckPrematureCommit, HeldTo: "at-least-once", Status: harness.Pass},
		{Check: oracle.CheckPodLiveness, HeldTo: "no pod ends by itself", Status: harness.Pass},
	}
	if i.Order != harness.OrderNone {
		for n := 3; n <= 4; n++ {
			run.Verdicts[n].Status, run.Verdicts[n].HeldTo = harness.Pass, "order by "+string(i.Order)
		}
	}
	if i.Base != "naive" {
		return
	}
	run.Verdicts[6] = harness.Verdict{Check: oracle.CheckPrematureCommit, HeldTo: "at-least-once", Status: harness.NotJudged, Count: 214, Detail: "commits ahead of the work; no crash followed"}
	if run.Scenario == "hot-key" {
		run.Verdicts[3].Count, run.Counts.Inversions = 1289, 1289
		run.Verdicts[4].Count, run.Counts.Overlaps = 2203, 2203
	}
	if run.Scenario != "pod-crash" {
		return
	}
	run.Status, run.Reasons = harness.Fail, []string{"loss: 312 records"}
	run.Counts.Lost, run.Counts.Completed = 312, run.Counts.Appended-312
	loss := harness.Verdict{Check: oracle.CheckLoss, HeldTo: "at-least-once", Status: harness.Fail, Count: 312, Detail: "312 of 1,800 landed records have no effect and lie below the group's final commit"}
	for n := range 3 {
		loss.Examples = append(loss.Examples, harness.Anomaly{
			Text: "pod-1.1 committed past it while its work was not finished, to 203 at 871ms: landed, never finished, and the group's commit 300 is past it",
			Key:  uint32(8214 - n*77), Seq: uint32(n + 3), Partition: 2, Offset: int64(118 + n), Pods: []string{"pod-1.1"}, At: 871 * time.Millisecond,
		})
	}
	loss.Examples[0].Timeline = story()
	run.Ledger, run.Command = "out/ledger/pod-crash_naive@cooperative_1", "go test -count=1 -timeout 0 -v -run '^TestCompare$/^pod-crash$/^naive@cooperative$/^1$' -scenario=pod-crash -consumer=naive -seed=7"
	run.Verdicts[0] = loss
	run.Verdicts[6] = harness.Verdict{Check: oracle.CheckPrematureCommit, HeldTo: "at-least-once", Status: harness.Fail, Count: 344, Detail: "344 offsets committed before their effect", Examples: []harness.Anomaly{{
		Text: "commit 203 by pod-1.1 at 871ms covers it, and its work was not finished", Key: 8214, Seq: 3, Partition: 2, Offset: 118, Pods: []string{"pod-1.1"}, At: 871 * time.Millisecond,
	}}}
}

// story is that of the record lost first.
func story() []harness.TimelineEntry {
	const ms = time.Millisecond
	return []harness.TimelineEntry{
		{At: -1204 * ms, Track: "owner", Text: "pod-1.1 has it, generation 3"},
		{At: 602 * ms, Track: "record", Text: "due"},
		{At: 603 * ms, Track: "record", Text: "sent"},
		{At: 606 * ms, Track: "record", Text: "acked at partition 2 offset 118"},
		{At: 640 * ms, Until: 660 * ms, Track: "pod-1.1", Text: "offset 61, seq 1: effect"},
		{At: 871 * ms, Track: "commits", Text: "203 by pod-1.1", Bad: true},
		{At: 990 * ms, Until: 1002 * ms, Track: "pod-1.1", Text: "offset 97, seq 2: cut off"},
		{At: 995 * ms, Until: 1002 * ms, Track: "pod-1.1", Text: "offset 118, seq 3: cut off"},
		{At: 1001 * ms, Until: 9001 * ms, Track: "faults", Text: "kill pod (pod-1.1)"},
		{At: 1002 * ms, Track: "pod-1.1", Text: "down"},
		{At: 6980 * ms, Track: "owner", Text: "pod-2.1 has it, generation 4 (or up to 30ms later)"},
		{At: 7020 * ms, Until: 11470 * ms, Track: "commits", Text: "... 9 more commits, up to 300 at 11.47s", Omitted: 9},
	}
}

func (f *maker) pods(run *harness.Run, s harness.ScenarioInfo, parallel float64) {
	for n := range s.Pods {
		p := harness.PodReport{
			Name: fmt.Sprintf("pod-%d", n), Incarnations: 1, MaxRSS: int64(21+parallel/7+2*f.r.Float64()) << 20,
			CPU: dur(0.35 + float64(run.Counts.Completed)/float64(s.Pods)*(0.00011+0.00002*f.r.Float64())),
		}
		if s.Name == "pod-crash" && n == 1 {
			p.Incarnations = 2
		}
		run.Pods = append(run.Pods, p)
	}
}

func (f *maker) cell(run *harness.Run) {
	f.c.Runs = append(f.c.Runs, *run)
	c := harness.Cell{Scenario: run.Scenario, Consumer: run.Consumer, Runs: []int{len(f.c.Runs) - 1}, Status: run.Status, Expected: run.Expected}
	if run.Status == harness.Pass {
		c.Curves = []harness.Curve{curve(run)}
		for _, p := range run.Phases {
			if p.Name == "steady" {
				c.Steady = harness.LatencySet{EndToEnd: p.EndToEnd, Delivery: p.Delivery, Service: p.Service, Ack: p.Ack}
			}
		}
	}
	f.c.Cells = append(f.c.Cells, c)
}

// curve spreads the run's seconds over the quantiles, the slowest last.
func curve(run *harness.Run) harness.Curve {
	n := run.Counts.Completed
	var worst, p50 float64
	var late int
	for i, d := range run.Series.P99 {
		worst = max(worst, run.Series.Max[i].Seconds())
		if d > 3*run.Series.P99[2] {
			late++
		}
	}
	for _, p := range run.Phases {
		if p.Name == "steady" || p50 == 0 {
			p50 = p.EndToEnd.P50.Seconds()
		}
	}
	share := max(float64(late)/float64(len(run.Series.P99)), 0.004)
	c := harness.Curve{Phase: "all", N: n}
	for k := 0; ; k++ {
		q := 1 - math.Pow(10, -float64(k)/12)
		slow := 1 / (1 + math.Pow((1-q)/share, 1.6))
		l := p50*(0.55+0.45*min(1, q*2)+0.35*float64(k)/12) + (worst-p50)*slow
		c.Points = append(c.Points, harness.CurvePoint{Quantile: q, Latency: dur(min(l, worst))})
		if 1-q < 12/float64(n) {
			return c
		}
	}
}

func quantiles(n, p50, p99 float64) harness.Quantiles {
	return harness.Quantiles{N: int64(n), Mean: dur(p50 * 1.08), P50: dur(p50), P90: dur(p50 + (p99-p50)*0.45), P99: dur(p99), P999: dur(p99 * 1.12), Max: dur(p99 * 1.2)}
}

// dur rounds to the microsecond, as a histogram's buckets would.
func dur(s float64) time.Duration { return time.Duration(s*1e6).Abs() * time.Microsecond }
