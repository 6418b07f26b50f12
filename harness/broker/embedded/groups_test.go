package embedded_test

import (
	"context"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
)

func TestDescribeGroups(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol.name, func(t *testing.T) {
			c := start(t, 6)
			if err := c.Kfake().CreateTopic("other", 3, nil); err != nil {
				t.Fatal(err)
			}
			describe := func() harness.Group {
				groups, err := c.DescribeGroups(within(t), group)
				if err != nil || len(groups) > 1 {
					t.Fatal(groups, err)
				}
				return append(groups, harness.Group{})[0]
			}
			if g := describe(); g.State != "" || len(g.Members) > 0 {
				t.Errorf("a group that does not exist: %+v", g)
			}
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			var waits []func()
			for _, id := range []string{"pod-0.1", "pod-1.1"} {
				waits = append(waits, trickle(ctx, member(t, c, id, protocol.opts, kgo.ConsumeTopics(topic, "other"))))
			}
			var last harness.Group
			eventually(t, "both members share the topic", func() bool {
				last = describe()
				return shared(last) && last.State == "Stable"
			})
			if last.Generation == 0 {
				t.Errorf("group %+v: want it in some generation", last)
			}
			cancel()
			for _, wait := range waits {
				wait()
			}
		})
	}
}

// shared reports whether two members, known by their client ids, have all six
// partitions of the topic between them, each once.
func shared(g harness.Group) bool {
	var clients []string
	var partitions []int32
	for _, m := range g.Members {
		if m.ID == "" || len(m.Partitions[topic]) == 0 {
			return false
		}
		clients, partitions = append(clients, m.ClientID), append(partitions, m.Partitions[topic]...)
	}
	slices.Sort(clients)
	slices.Sort(partitions)
	return slices.Equal(clients, []string{"pod-0.1", "pod-1.1"}) && slices.Equal(partitions, []int32{0, 1, 2, 3, 4, 5})
}
