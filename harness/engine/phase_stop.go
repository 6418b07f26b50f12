package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/pod"
)

// stoppedRun is what the last readings of a run show.
type stoppedRun struct {
	requestedAt  int64             // when the pods were asked to stop, ns on CLOCK_MONOTONIC
	unresponsive []string          // pods that did not stop, and were killed
	dropouts     []harness.Anomaly // pods that ran outside their group
	commits      [][]int64         // the last commits, by topic and partition
	read         sourceReading
	sealing      *sealing
}

// stopRun stops the pods and takes the last readings. It goes on quickly after the end of
// ctx: what was measured is to be reported. If a node is lost, it ends at once.
func stopRun(ctx context.Context, s *setup, c *course) (stop stoppedRun, err error) {
	grace := s.cfg.RevokeTimeout + pod.StopGrace
	interrupted := ctx.Err() != nil
	if interrupted {
		grace = 2 * time.Second
	}
	within, cancel := context.WithTimeout(s.nodes.intact, grace)
	defer cancel()
	stop.dropouts = findDropouts(s, c)
	stop.requestedAt = s.clock.Now()
	if stop.unresponsive, err = s.fleet.Stop(within); err != nil {
		return stop, err
	}
	if interrupted {
		stop.unresponsive = nil // the grace was too short
	}
	if err := s.work.pollJournals(); err != nil {
		return stop, err
	}
	s.producer.Close()
	stop.sealing = s.startSealing()
	s.stopwatch.endPart("stop")
	reading, cancel := context.WithTimeout(s.nodes.intact, time.Minute)
	defer cancel()
	stop.commits = readCommits(reading, s)
	if err := s.watcher.Stop(reading); err != nil {
		s.incidents.breakAssumption(oracle.ObserversKeptUp, err.Error())
	}
	copy(stop.commits[0][:min(s.client.FirstPartition(), len(stop.commits[0]))], s.watcher.Committed()) // no broker has those of a deleted topic
	if stop.read, err = readTopics(reading, s, c); err != nil {
		return stop, err
	}
	if err := s.nodes.checkNow(); err != nil {
		return stop, err
	}
	return stop, s.incidents.checkPodFaults()
}

// readCommits reads the last commits of the group.
func readCommits(ctx context.Context, s *setup) [][]int64 {
	commits, err := s.client.Committed(ctx, s.topics...)
	if err != nil {
		s.incidents.breakAssumption(oracle.LedgerComplete, err.Error())
		return make([][]int64, len(s.topics))
	}
	return commits
}

// readTopics is the final read. The source gets a journal of its own. The copies in side
// topics get one that is replayed with the others, since each copy has a time.
func readTopics(ctx context.Context, s *setup, c *course) (sourceReading, error) {
	read, err := readSource(ctx, s, c)
	err = s.noteReadError(err)
	if err := errors.Join(err, s.appended.Close()); err != nil || len(s.topics) == 1 {
		return read, err
	}
	return read, readSideTopics(ctx, s)
}

func readSideTopics(ctx context.Context, s *setup) error {
	copies, err := ledger.NewWriter(s.journalPath(copiesJournal))
	if err != nil {
		return err
	}
	for number, t := range s.topics {
		if number == 0 || t.Role == harness.RoleState {
			continue
		}
		if err := s.client.ReadSide(ctx, t.Name, uint16(number), t.Partitions, t.Role, s.id, s.clock, copies.Append); err != nil {
			s.incidents.breakAssumption(oracle.LedgerComplete, fmt.Sprintf("side topic %s: %v", t.Name, err))
		}
	}
	return copies.Close()
}
