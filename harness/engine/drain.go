package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/harness/pod"
)

// settle is how long after the group's session the drain may not end, so that
// what an injection caused can show.
const settle = 2 * time.Second

// startIn is how far ahead the load starts: the pacer must be there in time.
const startIn = 50 * time.Millisecond

// loadAndDrain sends the load, injects the faults, and waits for the backlog.
// The end of ctx ends it early, faults healed.
func (r *run) loadAndDrain(ctx context.Context) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	r.start = r.clock.Now() + int64(startIn)
	r.mark, r.markCPU = r.start, CPU()
	r.fleet.AnnounceLoad(r.start)
	if !harness.IsVirtual(r.Backend) { // how busy the host is has no bearing on virtual time
		r.host = measure.StartHost()
	}
	r.faults = r.newInjections()

	var wg sync.WaitGroup
	defer wg.Wait()
	var sendErr error
	sent := make(chan struct{})
	wg.Go(func() {
		defer close(sent)
		sendErr = r.producer.Run(within, r.start)
	})
	defer cancel()
	wg.Go(func() { r.faults.run(within) })

	if err := r.await(ctx, "load", sent); err != nil {
		return err
	}
	if sendErr != nil {
		return fmt.Errorf("load: %w", sendErr)
	}
	r.stage("load")
	if err := r.drain(ctx); err != nil {
		return err
	}
	r.stage("drain")
	cancel()
	wg.Wait()
	if r.host != nil {
		r.hostLoad = r.host.Stop()
	}
	return nil
}

// await polls until done is closed, or ctx ends.
func (r *run) await(ctx context.Context, phase string, done <-chan struct{}) error {
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			<-done // the producer stops with ctx
			return nil
		default:
			if err := r.live.poll(); err != nil {
				return err
			}
			r.tick(ctx, phase, every, done)
		}
	}
}

// drain waits until (a) all is finished, (b) all is committed and nothing moves
// any more, or (c) the deadline.
func (r *run) drain(ctx context.Context) error {
	_, _, last := load.Extent(r.Scenario.Load.Pacer)
	deadline := last + r.Scenario.Drain
	earliest := r.earliestEnd()
	flushed := r.flush(ctx, deadline)
	defer func() { r.drainEnd = r.since(r.clock.Now()) }()
	pause := every / 20 // where the consumer keeps up, all is done by now
	for ctx.Err() == nil {
		if err := r.live.poll(); err != nil {
			return err
		}
		now := r.since(r.clock.Now())
		if now > deadline {
			break
		}
		if now >= earliest && r.faults.settled() && isClosed(flushed) {
			if r.drained(ctx, now) {
				break
			}
		}
		r.tick(ctx, "drain", pause, nil)
		pause = min(2*pause, every)
	}
	<-flushed
	if ctx.Err() != nil {
		r.doubt(drainEnded, "the run was interrupted")
	}
	return nil
}

// flush waits for the outcomes of what was sent, in the background, up to the
// end of the drain; what has none then is unknown.
func (r *run) flush(ctx context.Context, deadline time.Duration) <-chan struct{} {
	done := make(chan struct{})
	within, cancel := context.WithTimeout(ctx, deadline-r.since(r.clock.Now()))
	go func() {
		defer close(done)
		defer cancel()
		_ = r.producer.Flush(within) // the ledger says which sends are without an outcome
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

// earliestEnd is before when the drain may not end.
func (r *run) earliestEnd() (at time.Duration) {
	for _, i := range r.Scenario.Injections {
		at = max(at, i.At+r.cfg.Session+settle)
	}
	return at
}

// drained asks the broker for the ends and the commits, and compares. A broker
// that does not answer may be down: the next look asks again.
func (r *run) drained(ctx context.Context, now time.Duration) bool {
	within, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	owing := r.owing()
	ends := make([][]int64, len(owing))
	for i, t := range owing {
		var err error
		if ends[i], err = r.client.Ends(within, t); err != nil {
			return false
		}
	}
	done := r.live.read()
	if r.Consumer.Implementation.Effect == harness.EffectWork && allFinished(ends[0], done) {
		return true
	}
	if done.open > 0 || now-r.since(done.lastEnd) < 2*r.cfg.Commit {
		return false
	}
	committed, err := r.client.Committed(within, owing...)
	return err == nil && slices.EqualFunc(committed, ends, slices.Equal[[]int64])
}

// stop ends the pods and takes the last readings. It goes on after ctx has
// ended, quickly: what was measured is to be reported.
func (r *run) stop(ctx context.Context) error {
	grace := r.cfg.Drain + pod.StopGrace
	if ctx.Err() != nil {
		grace = 2 * time.Second
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	r.dropouts = r.absent()
	r.stopAsked = r.clock.Now()
	var err error
	hurried := ctx.Err() != nil
	if r.unstopped, err = r.fleet.Stop(within); err != nil {
		return err
	}
	if hurried {
		r.unstopped = nil // it had no time to stop in
	}
	if err := r.live.poll(); err != nil {
		return err
	}
	r.producer.Close()
	r.stage("stop")
	reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	r.readCommits(reading)
	if err := r.watcher.Stop(reading); err != nil {
		r.doubt(observersKeptUp, err.Error())
	}
	return r.readLog(reading)
}
