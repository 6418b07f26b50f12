package wire

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// ReportFetches reports from which offset of each partition on a client asks for records. The
// request names no group. The name of the topic stands for it, as with resets.
func ReportFetches(client string, at int64, req *kmsg.FetchRequest, topicName func(topic string, id [16]byte) string, notify func(group string, call func(harness.GroupEvents))) {
	for _, t := range req.Topics {
		topic := topicName(t.Topic, t.TopicID)
		for _, p := range t.Partitions {
			f := harness.Fetch{At: at, ClientID: client, Topic: topic, Partition: p.Partition, Offset: p.FetchOffset}
			notify(topic, func(see harness.GroupEvents) {
				if see.Fetch != nil {
					see.Fetch(f)
				}
			})
		}
	}
}

// observesFetch reports whether a request is a fetch that an observer wants to see.
func (c *Conn) observesFetch(key int16) bool {
	return key == int16(kmsg.Fetch) && c.line.Observer.OnFetch != nil
}
