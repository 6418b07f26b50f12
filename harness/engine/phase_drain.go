package engine

import (
	"context"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// settleTime is how long the drain lasts at least after an injection, in addition to the
// session, so that the effects of the fault can show.
const settleTime = 2 * time.Second

// drainedBacklog is the end of the drain.
type drainedBacklog struct {
	end  time.Duration
	host harness.HostReport
}

// drainBacklog waits until the consumer has completed the backlog, then ends the load.
func (s *setup) drainBacklog(ctx context.Context, l *sentLoad) (d drainedBacklog, err error) {
	if d.end, err = s.awaitDrain(ctx, l); err != nil {
		return drainedBacklog{}, err
	}
	s.stopwatch.endStage("drain")
	l.finish()
	if l.host != nil {
		d.host = l.host.Stop()
	}
	return d, nil
}

// awaitDrain waits until all is completed, or all is committed and nothing moves, or the
// deadline has passed. It returns when that was.
func (s *setup) awaitDrain(ctx context.Context, l *sentLoad) (time.Duration, error) {
	_, _, last := load.Extent(s.Scenario.Load.Pacer)
	deadline := last + s.Scenario.Drain
	earliest := s.earliestDrainEnd()
	flushed := s.flushSends(ctx, deadline-l.time.elapsed())
	pause := pollInterval / 20 // a consumer that keeps up has completed all by now
	for ctx.Err() == nil {
		if err := s.work.pollJournals(); err != nil {
			return 0, err
		}
		now := l.time.elapsed()
		if now > deadline || now >= earliest && isClosed(l.faults.finished) && isClosed(flushed) && s.isDrained(ctx, l.time) {
			break
		}
		s.reporter.reportAndWait(ctx, "drain", pause, nil)
		pause = min(2*pause, pollInterval)
	}
	<-flushed
	if ctx.Err() != nil {
		s.incidents.breakAssumption(oracle.DrainEnded, "the run was interrupted")
	}
	return l.time.elapsed(), nil
}

// flushSends waits in the background for the outcomes of all sends. A send without an
// outcome at the end of the drain is unknown.
func (s *setup) flushSends(ctx context.Context, timeout time.Duration) <-chan struct{} {
	done := make(chan struct{})
	within, cancel := context.WithTimeout(ctx, timeout)
	go func() {
		defer close(done)
		defer cancel()
		_ = s.producer.Flush(within) // the ledger shows which sends have no outcome
	}()
	return done
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// earliestDrainEnd is the time before which the drain may not end.
func (s *setup) earliestDrainEnd() (at time.Duration) {
	for _, i := range s.Scenario.Injections {
		at = max(at, i.At+s.cfg.Session+settleTime)
	}
	return at
}

// isDrained compares the ends of the topics with the completed work and the commits. If
// the broker does not respond, it may be down; the next poll asks again.
func (s *setup) isDrained(ctx context.Context, t loadClock) bool {
	now := t.elapsed()
	within, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	topics := outstandingTopics(s.topics)
	ends := make([][]int64, len(topics))
	for i, topic := range topics {
		var err error
		if ends[i], err = s.client.Ends(within, topic); err != nil {
			return false
		}
	}
	work := s.work.readProgress()
	if s.Consumer.Implementation.Effect == harness.EffectWork && work.allCompleted(ends[0]) {
		return true
	}
	if work.open > 0 || now-t.sinceStart(work.lastEnd) < 2*s.cfg.Commit {
		return false
	}
	committed, err := s.client.Committed(within, topics...)
	return err == nil && slices.EqualFunc(committed, ends, slices.Equal[[]int64])
}

// outstandingTopics are the topics in which a record can be outstanding: the source, topics
// whose copies take over the source record, and topics of deferred ranges.
func outstandingTopics(all []observe.Topic) (topics []observe.Topic) {
	for _, t := range all {
		if t.Role == "" || t.Role == harness.RoleRanges || t.Role.TakesOver() && t.Role != harness.RoleDeadLetter {
			topics = append(topics, t)
		}
	}
	return topics
}
