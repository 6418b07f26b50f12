package wire

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// reportRewinds reports members that went back to the commit. These are members
// that named themselves and their partitions, and got an offset or the answer
// that there is none.
func (x *reporter) reportRewinds(req *kmsg.OffsetFetchRequest) {
	resp, ok := x.Response.(*kmsg.OffsetFetchResponse)
	if !ok {
		return
	}
	rewind := func(group, topic string, id [16]byte, partition int32, offset int64) {
		r := harness.Rewind{
			At: x.At, ClientID: x.Client, Group: group, Topic: x.topicName(topic, id), Partition: partition,
			Offset: max(offset, harness.NoCommit),
		}
		x.notify(group, func(see harness.GroupEvents) {
			if see.Rewind != nil {
				see.Rewind(r)
			}
		})
	}
	if req.Version < 8 {
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 && resp.ErrorCode == 0 && req.Topics != nil {
					rewind(req.Group, t.Topic, [16]byte{}, p.Partition, p.Offset)
				}
			}
		}
		return
	}
	for _, g := range resp.Groups {
		if g.ErrorCode != 0 || !asMember(req, g.Group) {
			continue
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 {
					rewind(g.Group, t.Topic, t.TopicID, p.Partition, p.Offset)
				}
			}
		}
	}
}

// asMember reports whether a request fetches commits of a group as a member
// does. Before version 9 a request cannot name its member.
func asMember(req *kmsg.OffsetFetchRequest, group string) bool {
	return slices.ContainsFunc(req.Groups, func(g kmsg.OffsetFetchRequestGroup) bool {
		return g.Group == group && g.Topics != nil && (g.MemberID != nil || req.Version < 9)
	})
}
