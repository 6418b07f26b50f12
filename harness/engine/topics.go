package engine

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/observe"
)

// nameTopics names the topics of the run, the source first; a topic's place in
// the list is its number in the ledger.
func (r *run) nameTopics(name string) {
	r.cfg.Topic, r.cfg.Group = name, name
	r.topics = []observe.Topic{{Name: name, Partitions: r.Scenario.Partitions}}
	for _, side := range r.Consumer.Implementation.SideTopicsOf(r.cfg) {
		if r.cfg.SideTopics == nil {
			r.cfg.SideTopics = map[string]string{}
		}
		r.cfg.SideTopics[side.Name] = name + "-" + side.Name
		r.topics = append(r.topics, observe.Topic{Name: r.cfg.SideTopics[side.Name], Role: side.Role, Partitions: side.PartitionsFor(r.Scenario.Partitions)})
	}
}

// createTopics creates them all, and lets the back end place their leaders.
func (r *run) createTopics(ctx context.Context) error {
	placer, places := r.cluster.(interface {
		TopicCreated(ctx context.Context, topic string) error
	})
	for _, t := range r.topics {
		if err := r.client.CreateTopic(ctx, t); err != nil {
			return err
		}
		if places {
			if err := placer.TopicCreated(ctx, t.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// topicNames are the names of the topics by their number.
func (r *run) topicNames() (names []string) {
	for _, t := range r.topics {
		names = append(names, t.Name)
	}
	return names
}

// owing are the topics in which records can be owed: the source, those that take
// records into custody, and those of ranges that set some of the source aside.
func (r *run) owing() (topics []observe.Topic) {
	for _, t := range r.topics {
		if t.Role == "" || t.Role == harness.RoleRanges || t.Role.TakesOver() && t.Role != harness.RoleDeadLetter {
			topics = append(topics, t)
		}
	}
	return topics
}

// readLog takes the final read: the source into a journal of its own, the copies
// in side topics into one that is replayed with the rest, since they are facts of
// their time.
func (r *run) readLog(ctx context.Context) error {
	landed, err := ledger.NewWriter(r.path(landedJournal))
	if err != nil {
		return err
	}
	if err := r.client.ReadAll(ctx, r.Scenario.Partitions, r.id, landed.Append); err != nil {
		r.doubt(ledgerComplete, err.Error())
	}
	if err := landed.Close(); err != nil || len(r.topics) == 1 {
		return err
	}
	copies, err := ledger.NewWriter(r.path(copiesJournal))
	if err != nil {
		return err
	}
	for number, t := range r.topics {
		if number == 0 || t.Role == harness.RoleState {
			continue
		}
		if err := r.client.ReadSide(ctx, t.Name, uint16(number), t.Partitions, t.Role, r.id, r.clock, copies.Append); err != nil {
			r.doubt(ledgerComplete, fmt.Sprintf("side topic %s: %v", t.Name, err))
		}
	}
	return copies.Close()
}

// readCommits asks for the last commits of the groups.
func (r *run) readCommits(ctx context.Context) {
	final, err := r.client.Committed(ctx, r.topics...)
	if err != nil {
		r.doubt(ledgerComplete, err.Error())
		final = make([][]int64, len(r.topics))
	}
	r.final = final
}
