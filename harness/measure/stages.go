package measure

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// stages are the parts of the end-to-end latency of measured records. Those of a record add up to
// its latency, so the shares of all stages add up to 1.
type stages struct {
	polls     polls
	acked     []ackTimes // acked is by partition of the source.
	parts     [len(harness.StageNames)]stage
	total     time.Duration // total is the sum of all latencies.
	unfetched int64         // unfetched are records of which no poll is known.
}

type stage struct {
	latencies histogram
	total     time.Duration // total is exact: a histogram has no 0.
}

func newStages(partitions int) *stages {
	return &stages{polls: polls{}, acked: make([]ackTimes, partitions)}
}

// add splits the latency of a record at its first effect.
//
// A record may be fetched before its acknowledgement arrives, or have none. It was acknowledged
// when it was fetched then. If no poll is known, it was fetched when the work began.
func (s *stages) add(e *ledger.Event) {
	fetched, ok := s.polls.timeOf(e)
	if !ok {
		fetched = e.Start
		s.unfetched++
	}
	acked, ok := s.acked[e.Origin].take(e.Source)
	if !ok || acked > fetched {
		acked = fetched
	}
	at := e.Due
	for i, end := range [...]time.Duration{e.Sent, acked, fetched, e.Start, e.At} {
		s.parts[i].latencies.recordValue(end - at)
		s.parts[i].total += end - at
		s.total += end - at
		at = end
	}
}

// report is nil without records.
func (s *stages) report() *harness.LatencyStages {
	n := int64(s.parts[0].latencies.n)
	if n == 0 {
		return nil
	}
	out := &harness.LatencyStages{Unfetched: s.unfetched}
	for i := range s.parts {
		p := &s.parts[i]
		q := p.latencies.quantiles()
		q.Mean = p.total / time.Duration(n)
		part := harness.LatencyStage{Name: harness.StageNames[i], Latency: q}
		if s.total > 0 {
			part.Share = p.total.Seconds() / s.total.Seconds()
		}
		out.Parts = append(out.Parts, part)
	}
	return out
}

// Stages are the parts of the end-to-end latency of all measured records. They are nil for a flood,
// and for consumers whose effects are records in an output topic.
func (r *Recorder) Stages() *harness.LatencyStages {
	if r.stages == nil {
		return nil
	}
	return r.stages.report()
}

// pieceSize is how many offsets a piece of [ackTimes] has.
const pieceSize = 256

// ackTimes has the time of the acknowledgement of each open record. A piece is dropped when none
// of its records is open, so its memory grows with the records that wait.
type ackTimes struct {
	pieces map[int64]*ackPiece
	last   *ackPiece // last is the piece that was asked for last.
	lastAt int64
	free   *ackPiece
}

type ackPiece struct {
	open int
	at   [pieceSize]time.Duration // at is 1 more than the time, 0 without one.
}

func (a *ackTimes) piece(offset int64) *ackPiece {
	n := offset / pieceSize
	if a.last == nil || a.lastAt != n {
		a.last, a.lastAt = a.pieces[n], n
	}
	return a.last
}

func (a *ackTimes) put(offset int64, at time.Duration) {
	p := a.piece(offset)
	if p == nil {
		if p, a.free = a.free, nil; p == nil {
			p = new(ackPiece)
		}
		if a.pieces == nil {
			a.pieces = map[int64]*ackPiece{}
		}
		a.pieces[offset/pieceSize], a.last = p, p
	}
	p.open++
	p.at[offset%pieceSize] = at + 1
}

// take returns the time and forgets it. ok is false if there is none.
func (a *ackTimes) take(offset int64) (at time.Duration, ok bool) {
	p := a.piece(offset)
	if p == nil || p.at[offset%pieceSize] == 0 {
		return 0, false
	}
	at, p.at[offset%pieceSize] = p.at[offset%pieceSize]-1, 0
	if p.open--; p.open == 0 {
		delete(a.pieces, offset/pieceSize)
		a.last, a.free = nil, p
	}
	return at, true
}

// mostPolls is how many polls of a partition by one incarnation are kept: as many as there can be
// records that it has fetched and not worked on, where each poll returned one.
const mostPolls = 1024

// polls are the latest polls of each incarnation and partition.
type polls map[polledFrom]*pollRing

type polledFrom struct {
	owner     ledger.Owner
	topic     uint16
	partition int32
}

type pollRing struct {
	n    int // n is how many there were.
	ring []poll
}

type poll struct {
	from, to int64
	at       time.Duration
}

func (p polls) note(e *ledger.Event) {
	of := polledFrom{e.Owner, e.Topic, e.Partition}
	r := p[of]
	if r == nil {
		r = &pollRing{}
		p[of] = r
	}
	next := poll{e.Offset, e.To, e.At}
	if len(r.ring) < mostPolls {
		r.ring = append(r.ring, next)
	} else {
		r.ring[r.n%mostPolls] = next
	}
	r.n++
}

// timeOf is when the last poll before an attempt returned its record.
func (p polls) timeOf(e *ledger.Event) (at time.Duration, ok bool) {
	r := p[polledFrom{e.Owner, e.Topic, e.Partition}]
	if r == nil {
		return 0, false
	}
	for i := r.n - 1; i >= max(0, r.n-len(r.ring)); i-- {
		if q := &r.ring[i%mostPolls]; q.from <= e.Offset && e.Offset < q.to && q.at <= e.Start {
			return q.at, true
		}
	}
	return 0, false
}
