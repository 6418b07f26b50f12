package wire

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// The timestamps by which a client asks for the end and for the start of a log.
const (
	timestampLatest   = -1
	timestampEarliest = -2
)

// reportResets reports clients that got the start or the end of a log, as they ask for where
// they have no valid offset. The request names no group. The name of the topic stands for it,
// since the topics and groups of a run begin with one name.
func (x *reporter) reportResets(req *kmsg.ListOffsetsRequest) {
	resp, ok := x.Response.(*kmsg.ListOffsetsResponse)
	if !ok {
		return
	}
	asked := map[string]map[int32]int64{}
	for _, t := range req.Topics {
		asked[t.Topic] = map[int32]int64{}
		for _, p := range t.Partitions {
			asked[t.Topic][p.Partition] = p.Timestamp
		}
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			timestamp := asked[t.Topic][p.Partition]
			if p.ErrorCode != 0 || timestamp != timestampLatest && timestamp != timestampEarliest {
				continue
			}
			r := harness.Reset{At: x.AnsweredAt, ClientID: x.Client, Topic: t.Topic, Partition: p.Partition, Offset: p.Offset, Latest: timestamp == timestampLatest}
			x.notify(t.Topic, func(see harness.GroupEvents) {
				if see.Reset != nil {
					see.Reset(r)
				}
			})
		}
	}
}
