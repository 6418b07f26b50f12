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
func drainBacklog(ctx context.Context, s *setup, l *sentLoad) (d drainedBacklog, err error) {
	if d.end, err = (drain{s, l}).awaitEnd(ctx); err != nil {
		return drainedBacklog{}, err
	}
	s.stopwatch.endStage("drain")
	l.finish()
	if l.host != nil {
		d.host = l.host.Stop()
	}
	return d, nil
}

// drain is a drain that goes on.
type drain struct {
	*setup
	load *sentLoad
}

// awaitEnd waits until all is completed, or all is committed and nothing moves, or the
// deadline has passed. It returns when that was.
func (d drain) awaitEnd(ctx context.Context) (time.Duration, error) {
	_, _, last := load.Extent(d.Scenario.Load.Pacer)
	deadline := last + d.Scenario.Drain
	earliest := d.earliestDrainEnd()
	flushed := d.flushSends(ctx, deadline-d.load.time.elapsed())
	pause := pollInterval / 20 // a consumer that keeps up has completed all by now
	for ctx.Err() == nil {
		if err := d.work.pollJournals(); err != nil {
			return 0, err
		}
		now := d.load.time.elapsed()
		if now > deadline || now >= earliest && isClosed(d.load.faults.finished) && isClosed(flushed) && d.isDrained(ctx) {
			break
		}
		d.reporter.reportAndWait(ctx, "drain", pause, nil)
		pause = min(2*pause, pollInterval)
	}
	<-flushed
	if ctx.Err() != nil {
		d.incidents.breakAssumption(oracle.DrainEnded, "the run was interrupted")
	}
	return d.load.time.elapsed(), nil
}

// flushSends waits in the background for the outcomes of all sends. A send without an
// outcome at the end of the drain is unknown.
func (d drain) flushSends(ctx context.Context, timeout time.Duration) <-chan struct{} {
	done := make(chan struct{})
	within, cancel := context.WithTimeout(ctx, timeout)
	go func() {
		defer close(done)
		defer cancel()
		_ = d.producer.Flush(within) // the ledger shows which sends have no outcome
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
func (d drain) earliestDrainEnd() (at time.Duration) {
	for _, i := range d.Scenario.Injections {
		at = max(at, i.At+d.cfg.Session+settleTime)
	}
	return at
}

// isDrained compares the ends of the topics with the completed work and the commits. If
// the broker does not respond, it may be down; the next poll asks again.
func (d drain) isDrained(ctx context.Context) bool {
	now := d.load.time.elapsed()
	within, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	topics := outstandingTopics(d.topics)
	ends := make([][]int64, len(topics))
	for i, topic := range topics {
		var err error
		if ends[i], err = d.client.Ends(within, topic); err != nil {
			return false
		}
	}
	work := d.work.readProgress()
	if d.Consumer.Implementation.Effect == harness.EffectWork && work.allCompleted(ends[0]) {
		return true
	}
	if work.open > 0 || now-d.load.time.sinceStart(work.lastEnd) < 2*d.cfg.Commit {
		return false
	}
	committed, err := d.client.Committed(within, topics...)
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
