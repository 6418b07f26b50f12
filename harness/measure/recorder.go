package measure

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Config says what a [Recorder] must know of the run. Times count from the
// start of the load.
type Config struct {
	Partitions int           // Partitions of the source topic.
	Keys       int           // Keys is the number of distinct keys expected, to size tables by; 0 is fine.
	Warmup     time.Duration // Warmup is the first part of the load: its records are not measured.
	Load       time.Duration // Load is when the last record was due.
	End        time.Duration // End is when the run stopped watching. 0: at the last event.
	Step       time.Duration // Step of the series, rounded up to 100 ms. 0: 1 s.
	Flood      bool          // Flood: all records are due at 0; no lateness, no end-to-end latency.
	Faults     []Fault       // Faults as they were injected.
	// DeadLetters are the numbers of the side topics in which a copy completes its
	// record without an effect: it is no longer in the backlog.
	DeadLetters []uint16
	// Output: effects are records in an output topic. Delivery and service are then
	// those of the attempts that computed something, each of them.
	Output bool
}

// Fault is one injected fault.
type Fault struct {
	Name       string
	From       time.Duration // From is when it was injected.
	To         time.Duration // To is when it was healed, or harness.Never.
	Partitions []int32       // Partitions of the source topic that it affects.
}

// bin is the resolution of recovery; a step of the series is some of them.
const bin = 100 * time.Millisecond

// Recorder measures one run from one replay of its ledger: Observe all events
// in time order, then ask. A first effect counts for the partition of the source
// that its record came from, wherever it lies; all else is of the source alone. Not
// safe for concurrent use.
type Recorder struct {
	cfg          Config
	segments     []*segment
	current      int // current is the segment of the time reached.
	measured     int // measured is the first segment after the warm-up.
	faultPeriods []period
	partitions   []*partition
	watches      []*watch
	series       series
	load         load
	stages       *stages // stages is nil where latencies have none.

	next       time.Duration // next is when the open bin ends.
	last       time.Duration // last is the latest event.
	lastEffect time.Duration
	underLoad  int64         // underLoad are the first effects between warm-up and end of the load.
	afterwards int64         // afterwards are those since the warm-up, drain included.
	open       int64         // open are the records that are appended and not completed.
	emptied    time.Duration // emptied is when open last came to 0.
	finished   bool
}

// NewRecorder returns a recorder that has seen nothing.
func NewRecorder(cfg Config) *Recorder {
	if cfg.Step <= 0 {
		cfg.Step = time.Second
	}
	cfg.Step = (cfg.Step + bin - 1) / bin * bin
	r := &Recorder{
		cfg:      cfg,
		segments: cutPhases(cfg.Warmup, cfg.Faults),
		series:   newSeries(cfg.Step, cfg.Partitions),
		load:     load{keys: make([]uint32, cfg.Keys)},
		next:     bin,
		last:     -1,
	}
	if cfg.Warmup > 0 {
		r.measured = 1
	}
	if !cfg.Flood && !cfg.Output {
		r.stages = newStages(cfg.Partitions)
	}
	for range cfg.Partitions {
		r.partitions = append(r.partitions, &partition{})
	}
	for i := range cfg.Faults {
		r.faultPeriods = append(r.faultPeriods, cfg.Faults[i].period())
		r.watches = append(r.watches, newWatch(&cfg.Faults[i], cfg.Partitions))
	}
	return r
}

// Observe takes the next events of the replay. The first question for a result ends the
// run: events after it are not measured.
func (r *Recorder) Observe(events []ledger.Event) {
	if r.finished {
		return
	}
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case ledger.EventSent:
			r.advance(e.At)
			r.recordSend(e)
		case ledger.EventAcked:
			if e.Outcome == ledger.OutcomeAcked && r.hasPartition(e.Partition) {
				r.advance(e.At)
				r.recordAck(e)
			}
		case ledger.EventEnd:
			r.recordEnd(e)
		case ledger.EventPolled:
			if r.stages != nil {
				r.stages.polls.note(e)
			}
		case ledger.EventCopied:
			if e.Held && slices.Contains(r.cfg.DeadLetters, e.Topic) && r.hasPartition(e.Origin) {
				r.advance(e.At)
				r.recordDeadLetter(e)
			}
		case ledger.EventCommit:
			if e.Outcome == ledger.OutcomeConfirmed && e.Topic == 0 && !e.OwnGroup() && r.hasPartition(e.Partition) {
				r.advance(e.At)
				r.partitions[e.Partition].committed = e.Offset
			}
		}
	}
}

func (r *Recorder) hasPartition(p int32) bool { return uint(p) < uint(len(r.partitions)) }

func (r *Recorder) recordSend(e *ledger.Event) {
	r.segmentOf(e.Due).offered++
	r.series.offered.countAt(e.Due, r.cfg.Step)
	judged := !r.cfg.Flood
	for _, w := range r.faultPeriods {
		judged = judged && !w.contains(e.Due)
	}
	r.load.countSend(e, judged)
}

func (r *Recorder) recordAck(e *ledger.Event) {
	r.latenciesOf(e).ack.recordValue(e.At - e.Sent)
	r.load.countPartition(e.Partition)
	if !r.partitions[e.Partition].openRecord(e.Offset, e.Due) {
		return
	}
	r.open++
	if r.stages != nil && e.Due >= r.cfg.Warmup {
		r.stages.acked[e.Partition].put(e.Offset, e.At)
	}
	for _, w := range r.watches {
		w.openRecord(e.Partition, e.At)
	}
}

// recordEnd records the end of an attempt, or an output.
func (r *Recorder) recordEnd(e *ledger.Event) {
	switch {
	case e.Outcome == ledger.OutcomeComputed && e.Held:
		r.advance(e.At)
		r.recordWork(e)
	case e.Outcome == ledger.OutcomeEffect && e.First && r.hasPartition(e.Origin):
		r.advance(e.At)
		if !r.cfg.Output {
			r.recordWork(e)
		}
		r.recordEffect(e)
	}
}

// recordWork records when an attempt got its record and how long it took.
func (r *Recorder) recordWork(e *ledger.Event) {
	l := r.latenciesOf(e)
	l.delivery.recordValue(e.Start - e.Sent)
	l.service.recordValue(e.At - e.Start)
}

// recordDeadLetter completes a record by its dead letter.
func (r *Recorder) recordDeadLetter(e *ledger.Event) {
	open := r.completeRecord(e)
	if r.stages != nil {
		r.stages.acked[e.Origin].take(e.Source)
	}
	for _, w := range r.watches {
		w.completeRecord(e.Origin, e.At, open)
	}
}

func (r *Recorder) recordEffect(e *ledger.Event) {
	l := r.latenciesOf(e)
	if !r.cfg.Flood {
		l.endToEnd.recordValue(e.At - e.Due)
		r.series.endToEnd.recordValue(e.At - e.Due)
	}
	if r.stages != nil && e.Due >= r.cfg.Warmup {
		r.stages.add(e)
	}
	r.lastEffect = max(r.lastEffect, e.At)
	r.segments[r.current].completed++
	r.series.completed.countAt(e.At, r.cfg.Step)
	if e.At >= r.cfg.Warmup {
		r.afterwards++
		if e.At <= r.cfg.Load {
			r.underLoad++
		}
	}
	open := r.completeRecord(e)
	for _, w := range r.watches {
		w.addEffect(e.Origin, e.At, open)
	}
}

// completeRecord reports whether the record was open until now.
func (r *Recorder) completeRecord(e *ledger.Event) bool {
	open := r.partitions[e.Origin].completeRecord(e.Source)
	if open {
		if r.open--; r.open == 0 {
			r.emptied = e.At
		}
	}
	return open
}

// Emptied is when the backlog came to zero and stayed there, [harness.Never] if it was not
// zero at the end.
func (r *Recorder) Emptied() time.Duration {
	if r.open > 0 {
		return harness.Never
	}
	return r.emptied
}

// latenciesOf are those of the phase that the record counts in, at the time
// reached.
func (r *Recorder) latenciesOf(e *ledger.Event) *phaseLatencies {
	if e.Due < r.cfg.Warmup {
		return &r.segments[0].latencies
	}
	return &r.segments[max(r.current, r.measured)].latencies
}

// segmentOf is the segment of any time.
func (r *Recorder) segmentOf(t time.Duration) *segment {
	i := len(r.segments) - 1
	for i > 0 && t < r.segments[i].from {
		i--
	}
	return r.segments[i]
}

// advance moves the time reached and closes all bins on the way.
func (r *Recorder) advance(to time.Duration) {
	r.last = max(r.last, to)
	for to >= r.next {
		r.closeBin()
	}
	for r.current+1 < len(r.segments) && to >= r.segments[r.current+1].from {
		r.current++
	}
}

func (r *Recorder) closeBin() {
	for _, w := range r.watches {
		w.closeBin()
	}
	if r.next%r.cfg.Step == 0 {
		r.series.closeStep(r.next, r.partitions)
	}
	r.next += bin
}

// closeBins closes all bins up to the end of the run, also that of a step cut short.
func (r *Recorder) closeBins() {
	if r.finished {
		return
	}
	for r.next-bin < r.cfg.End || r.next-bin <= r.last {
		r.closeBin()
	}
	if end := (r.next - bin + r.cfg.Step - 1) / r.cfg.Step * r.cfg.Step; end >= r.next {
		r.series.closeStep(end, r.partitions)
	}
	r.finished = true
}

// endTime is when watching ended.
func (r *Recorder) endTime() time.Duration { return max(r.cfg.End, r.last) }

// Series are the measures over time, to the end of the run.
func (r *Recorder) Series() harness.Series {
	r.closeBins()
	return r.series.result()
}

// Latencies are a copy of the latencies by phase, to be merged with others.
func (r *Recorder) Latencies() *Latencies {
	own := Latencies{}
	for _, s := range r.segments {
		own.phases = append(own.phases, &s.latencies)
	}
	copied := new(Latencies)
	copied.Merge(&own)
	copied.pack()
	return copied
}

// Clamped is how many values fell out of a histogram's range and were moved to
// its nearer end.
func (r *Recorder) Clamped() int64 {
	n := r.load.lateness.clamped
	for _, s := range r.segments {
		for _, h := range s.latencies.histograms() {
			n += h.clamped
		}
	}
	return n
}

// MeanService is the mean service time achieved, over first effects of measured
// records; 0 without any.
func (r *Recorder) MeanService() time.Duration {
	var all histogram
	for _, s := range r.segments[r.measured:] {
		all.mergeFrom(&s.latencies.service)
	}
	return all.mean()
}

// CompletedWhileLoaded is the rate of first effects, per second, that ended
// between the end of the warm-up and the end of the load: what a consumer that
// cannot keep up completes. The load of a flood ends with its last effect.
func (r *Recorder) CompletedWhileLoaded() float64 {
	if r.cfg.Flood {
		return perSecond(r.afterwards, r.lastEffect-r.cfg.Warmup)
	}
	return perSecond(r.underLoad, r.cfg.Load-r.cfg.Warmup)
}
