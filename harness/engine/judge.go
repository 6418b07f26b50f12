package engine

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// judge replays the ledger for the checks and the measures, and fills the result.
func (r *run) judge() (*Outcome, error) {
	if err := r.writeWindows(); err != nil {
		return nil, err
	}
	r.stage("final read")
	files, err := r.seal()
	if err != nil {
		return nil, err
	}
	r.stage("seal")
	facts, err := r.facts()
	if err != nil {
		return nil, err
	}
	recorder := measure.NewRecorder(r.measures())
	counts := &counter{counts: harness.Counts{Landed: facts.Log.Len()}}
	verdicts, err := r.replay(facts, files, recorder, counts)
	if err != nil {
		return nil, err
	}
	r.stage("replay")
	out := r.result(verdicts, counts.counts, recorder)
	return &Outcome{Run: out, Latencies: recorder.Latencies(), Stages: r.stages}, nil
}

// writeWindows notes the lives of the pods and the windows of the faults.
func (r *run) writeWindows() error {
	if err := r.judgeExpulsions(); err != nil {
		return err
	}
	for _, in := range r.fleet.Incarnations() {
		up := ledger.NewSlot(ledger.KindUp, in.Owner).With(ledger.OutcomeConfirmed)
		up.Start, up.End = in.Up, in.Up
		down := ledger.NewSlot(ledger.KindDown, in.Owner).With(ledger.OutcomeConfirmed)
		down.Start, down.End = in.Down, in.Down
		if err := errors.Join(r.observed.Append(up), r.observed.Append(down)); err != nil {
			return err
		}
	}
	for i, o := range r.faults.outcomes() {
		inject := ledger.NewSlot(ledger.KindInject, o.owner).With(ledger.OutcomeConfirmed)
		inject.Key, inject.Start = uint32(i), r.start+int64(o.injected)
		err := r.observed.Append(inject)
		if o.healed != harness.Never {
			heal := ledger.NewSlot(ledger.KindHeal, o.owner).With(ledger.OutcomeConfirmed)
			heal.Key, heal.Start = uint32(i), r.start+int64(o.healed)
			err = errors.Join(err, r.observed.Append(heal))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// seal ends all journals and lists those of the replay.
func (r *run) seal() ([]ledger.File, error) {
	if err := errors.Join(r.sends.Close(), r.observed.Close()); err != nil {
		return nil, err
	}
	now := r.clock.Now()
	files := []ledger.File{{Path: r.path("sends"), Reaped: now}, {Path: r.path("observed"), Reaped: now}}
	for _, in := range r.fleet.Incarnations() {
		if _, err := os.Stat(in.Journal); errors.Is(err, fs.ErrNotExist) {
			continue // it ended before it could begin
		}
		files = append(files, ledger.File{Path: in.Journal, Reaped: in.Down})
	}
	if len(r.topics) > 1 {
		files = append(files, ledger.File{Path: r.path("copies"), Reaped: now})
	}
	for _, f := range append(files, ledger.File{Path: r.path("landed")}) {
		if err := ledger.Seal(f.Path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (r *run) facts() (*oracle.Facts, error) {
	i := r.Consumer.Implementation
	f := &oracle.Facts{
		Delivery: i.Delivery, Order: i.Order, Protocol: r.cfg.Protocol, Effect: i.Effect, Share: i.Share,
		Partitions: r.Scenario.Partitions, Final: r.final[0],
		Session: r.cfg.Session, Heartbeat: r.cfg.Heartbeat, Commit: r.cfg.Commit, Lock: r.cfg.Lock, Deliveries: r.cfg.Deliveries,
		DrainEnd: r.drainEnd, Thresholds: r.Scenario.Thresholds,
		Owners: []string{""}, Broken: r.broken,
	}
	for n, t := range r.topics[1:] {
		f.Sides = append(f.Sides, oracle.Side{Name: t.Name, Role: t.Role, Partitions: t.Partitions, Final: r.final[n+1]})
	}
	for _, in := range r.fleet.Incarnations() {
		f.Owners = append(f.Owners, harness.ClientID(in.Pod, in.N))
	}
	var err error
	f.Log, err = r.log()
	return f, err
}

// replay judges and measures in one pass, and takes another for the evidence
// where something was lost.
func (r *run) replay(f *oracle.Facts, files []ledger.File, observers ...oracle.Observer) ([]harness.Verdict, error) {
	stream, err := ledger.NewStream(r.start, files...)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	verdicts, err := oracle.Judge(f, stream, observers...)
	if err != nil {
		return nil, err
	}
	if err := oracle.Name(verdicts, func(fn func(*ledger.Slot)) error { return each(r.path("landed"), fn) }); err != nil {
		return nil, err
	}
	again, err := ledger.NewStream(r.start, files...)
	if err != nil {
		return nil, err
	}
	defer again.Close()
	return verdicts, oracle.Trace(f, again, verdicts)
}

func (r *run) measures() measure.Config {
	_, flood := r.Scenario.Load.Pacer.(harness.Flooder)
	_, _, last := load.Extent(r.Scenario.Load.Pacer)
	cfg := measure.Config{
		Partitions: r.Scenario.Partitions, Keys: r.Scenario.Load.Keys.Count(), Warmup: r.Scenario.Warmup,
		Load: last, End: r.drainEnd, Flood: flood,
	}
	for _, o := range r.faults.outcomes() {
		cfg.Faults = append(cfg.Faults, measure.Fault{Name: o.name, From: o.injected, To: o.healed, Partitions: o.hit.Partitions})
	}
	return cfg
}

// counter adds up what the replay shows.
type counter struct{ counts harness.Counts }

// Observe implements [oracle.Observer].
func (c *counter) Observe(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		switch e.Edge {
		case ledger.EdgeSent:
			c.counts.Sent++
		case ledger.EdgeAcked:
			switch e.Outcome {
			case ledger.OutcomeAcked:
				c.counts.Acked++
			case ledger.OutcomeFailed:
				c.counts.Failed++
			}
		case ledger.EdgeEnd:
			c.counts.Attempts++
			if e.First {
				c.counts.Finished++
			}
		}
	}
	c.counts.Unknown = c.counts.Sent - c.counts.Acked - c.counts.Failed
}

// tail is the end of a text, for a report.
func tail(s string) string {
	const most = 4 << 10
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = "..." + s[len(s)-most:]
	}
	return s
}
