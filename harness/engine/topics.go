package engine

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/observe"
)

// nameTopics names the topics of the run, the source first. The position of a topic in the
// list is its number in the ledger.
func (s *setup) nameTopics(name string) {
	s.cfg.Topic, s.cfg.Group = name, name
	s.topics = []observe.Topic{{Name: name, Partitions: s.Scenario.FinalPartitions(), Later: s.Scenario.AddedPartitions(), Replicas: s.Scenario.Replicas, Config: s.Scenario.TopicConfig, Keyless: !s.Scenario.Load.HasKeys()}}
	for _, side := range s.Consumer.Implementation.SideTopicsOf(s.cfg) {
		if s.cfg.SideTopics == nil {
			s.cfg.SideTopics = map[string]string{}
		}
		s.cfg.SideTopics[side.Name] = name + "-" + side.Name
		s.topics = append(s.topics, observe.Topic{Name: s.cfg.SideTopics[side.Name], Role: side.Role, Partitions: side.PartitionsFor(s.Scenario.FinalPartitions())})
	}
}

// createTopics creates the topics, lets the back end place their leaders, and configures a
// share group.
func (s *setup) createTopics(ctx context.Context) error {
	placer, places := s.cluster.(harness.LeaderPlacer)
	for _, t := range s.topics {
		if err := s.client.CreateTopic(ctx, t); err != nil {
			return err
		}
		if places {
			if err := placer.TopicCreated(ctx, t.Name); err != nil {
				return err
			}
		}
	}
	if !s.Consumer.Implementation.Share {
		return nil
	}
	return s.client.ConfigureShareGroup(ctx, s.cluster, s.cfg.ShareLock, s.cfg.DeliveryLimit)
}

// topicNames are the names of the topics by their number.
func (s *setup) topicNames() (names []string) {
	for _, t := range s.topics {
		names = append(names, t.Name)
	}
	return names
}
