package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/pod"
)

// settleTime is how long the drain lasts at least after an injection, in addition to the
// session, so that the effects of the fault can show.
const settleTime = 2 * time.Second

// drainedBacklog is the end of the drain.
type drainedBacklog struct {
	end  time.Duration
	idle bool // idle: no pod was left, so that nothing could happen until end
}

// drainBacklog waits until the consumer has completed the backlog, then ends the load.
func drainBacklog(ctx context.Context, s *setup, l *sentLoad) (d drainedBacklog, err error) {
	if d, err = (drain{s, l}).awaitEnd(ctx); err != nil {
		return drainedBacklog{}, err
	}
	s.stopwatch.endPart("drain")
	l.finish()
	return d, nil
}

// describeEnd says when the drain ended.
func (d drainedBacklog) describeEnd() string {
	end := d.end.Round(time.Millisecond)
	if d.idle {
		return fmt.Sprintf("no pod was left; judged as at the deadline, after %v", end)
	}
	return fmt.Sprintf("after %v", end)
}

// drain is a drain that goes on.
type drain struct {
	*setup
	load *sentLoad
}

// awaitEnd waits until all is completed and committed, or all is committed and nothing moves, or
// the deadline has passed. A commit of completed work has as long as the oracle allows it. Without
// pods nothing changes before the deadline. So the drain counts as having lasted up to there, and
// the verdicts are those of a drain that waited.
func (d drain) awaitEnd(ctx context.Context) (drainedBacklog, error) {
	_, _, last := load.Extent(d.Scenario.Load.Pacer)
	deadline := last + d.Scenario.Drain
	earliest := d.earliestDrainEnd()
	flushed := d.flushSends(ctx, deadline-d.load.time.elapsed())
	pause := pollInterval / 20 // a consumer that keeps up has completed all by now
	for ctx.Err() == nil {
		// In this order: a heal may start a pod until the faults are finished, and the last pod may
		// complete all and end before the journals are read.
		settled := isClosed(d.load.faults.finished) && isClosed(flushed)
		pods := d.hasPods()
		if err := d.work.pollJournals(); err != nil {
			return drainedBacklog{}, err
		}
		now := d.load.time.elapsed()
		if now > deadline || settled && now >= earliest && d.isDrained(ctx) {
			break
		}
		if settled && !pods {
			return drainedBacklog{end: deadline, idle: true}, nil
		}
		d.reporter.reportAndWait(ctx, "drain", pause, nil)
		pause = min(2*pause, pollInterval)
	}
	<-flushed
	if ctx.Err() != nil {
		d.incidents.breakAssumption(oracle.DrainEnded, "the run was interrupted")
	}
	return drainedBacklog{end: d.load.time.elapsed()}, nil
}

// hasPods reports whether a pod runs.
func (d drain) hasPods() bool {
	return slices.ContainsFunc(d.fleet.Incarnations(), func(in pod.Incarnation) bool { return in.Down == 0 })
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
		return !d.awaitsCommits(within, ends[0], work)
	}
	if work.open > 0 || now-d.load.time.sinceStart(work.lastEnd) < 2*d.cfg.Commit {
		return false
	}
	committed, err := d.client.Committed(within, topics...)
	return err == nil && slices.EqualFunc(committed, ends, slices.Equal[[]int64])
}

// awaitsCommits reports whether commits are behind the completed work, and the oracle cannot tell
// yet that they come too late. A consumer that has given up committing shows only then.
func (d drain) awaitsCommits(ctx context.Context, ends []int64, work workReading) bool {
	if !oracle.CommitsContinuously(d.Consumer.Implementation) || d.load.time.elapsed() > d.commitsDue(work) {
		return false
	}
	committed, err := d.client.Committed(ctx, d.topics[0])
	return err != nil || !slices.Equal(committed[0], ends)
}

// commitsDue is when the oracle finds a stalled commit of completed work at the latest, 0 if a
// fault that lasts excuses it. The commit that reaches the record may be an interval after the work.
func (d drain) commitsDue(work workReading) time.Duration {
	from := d.load.time.sinceStart(work.lastEnd)
	for _, f := range d.load.faults.injectedFaults() {
		if f.healed == harness.Never {
			return 0
		}
		from = max(from, f.healed+d.cfg.Session)
	}
	return from + d.cfg.Commit + oracle.CommitPatience(d.cfg.Commit, d.cfg.Heartbeat) + d.cfg.Heartbeat
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
