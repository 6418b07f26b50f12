package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
)

// loadLead is how far ahead the load is announced: the producer must be ready in time.
const loadLead = 50 * time.Millisecond

// epochsTimeout is how long the load waits for the leader epochs at most.
const epochsTimeout = 2 * time.Second

// sentLoad is a load that was sent. Faults may still be injected and healed.
type sentLoad struct {
	time   loadClock
	faults *faultInjector     // nil if no load was sent
	epochs []int32            // epochs are the leader epochs of the source right before the load; nil if they are not known
	host   harness.HostReport // host is zero in virtual time, where the CPU time of the host has no effect
	finish func()             // finish stops injecting, heals at once, and waits for that
}

// skipLoad takes the place of sendLoad if the group has not formed.
func skipLoad(s *setup) *sentLoad {
	l := &sentLoad{time: loadClock{s.clock, s.clock.Now()}}
	s.followLoad(l.time)
	return l
}

// followLoad lets progress and parts count from the start of the load.
func (s *setup) followLoad(t loadClock) {
	s.stopwatch.restart(t.start)
	s.reporter.load = &runningLoad{time: t, producer: s.producer, work: s.work}
}

// sendLoad sends the load, injects the faults at their times, and returns when all records
// are sent. The end of ctx ends it early, and heals the faults.
func sendLoad(ctx context.Context, s *setup) (*sentLoad, error) {
	epochs := readEpochs(ctx, s)
	l := &sentLoad{time: loadClock{s.clock, s.clock.Now() + int64(loadLead)}, epochs: epochs}
	s.followLoad(l.time)
	s.fleet.AnnounceLoad(l.time.start)
	l.faults = newFaultInjector(s, l.time)

	within, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	l.finish = func() { cancel(); background.Wait() }
	s.closers.addCloser(func() error { l.finish(); return nil })
	var sendErr error
	sent := make(chan struct{})
	background.Go(func() {
		defer close(sent)
		sendErr = s.producer.Run(within, l.time.start)
	})
	background.Go(func() { l.faults.injectAll(within) })

	if err := l.awaitSends(ctx, s, sent); err != nil {
		return nil, err
	}
	if sendErr != nil {
		return nil, fmt.Errorf("load: %w", sendErr)
	}
	s.stopwatch.endPart("load")
	return l, nil
}

// readEpochs are the leader epochs of the source, nil if a partition has no leader or the broker does
// not answer soon.
func readEpochs(ctx context.Context, s *setup) []int32 {
	within, cancel := context.WithTimeout(ctx, epochsTimeout)
	defer cancel()
	epochs, led, err := s.client.LeaderEpochs(within)
	if err != nil || !led {
		return nil
	}
	return epochs
}

// awaitSends polls the journals of the pods until sent is closed, or ctx ends. It measures the host
// from the end of the warm-up on.
func (l *sentLoad) awaitSends(ctx context.Context, s *setup, sent <-chan struct{}) error {
	var host *measure.Host
	defer func() {
		if host != nil {
			l.host = host.Stop()
		}
	}()
	for {
		if host == nil && !harness.IsVirtual(s.Backend) && l.time.elapsed() >= s.Scenario.Warmup {
			host = measure.StartHost()
		}
		select {
		case <-sent:
			return nil
		case <-ctx.Done():
			<-sent // the producer stops with ctx
			return nil
		default:
			if err := s.work.pollJournals(); err != nil {
				return err
			}
			s.producer.FollowPods(s.work.countEffects())
			s.reporter.reportAndWait(ctx, "load", loadPollInterval(s.Scenario.Pods), sent)
		}
	}
}
