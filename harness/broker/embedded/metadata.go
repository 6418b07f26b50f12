package embedded

import (
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness/broker/wire"
)

// maxCommitMetadata is the longest metadata of a commit that Kafka takes, in UTF-16 units
// (offset.metadata.max.bytes). kfake takes any.
const maxCommitMetadata = 4096

// refuseLongMetadata refuses commits of partitions whose metadata is too long, as Kafka does:
// after the checks of the member, and only those partitions of the request.
func (c *Cluster) refuseLongMetadata() {
	var last *kfake.FaultHandle // last is for the request before; kfake calls one control function at a time
	refuse := func(key kmsg.Key, r kmsg.Request, group string, long map[string][]int32) {
		if last != nil {
			last.Remove() // kfake may have refused that whole request for another reason
			last = nil
		}
		var faults []kfake.Fault
		for topic, partitions := range long {
			faults = append(faults, kfake.Fault{
				Keys: []kmsg.Key{key}, Group: group, Topic: topic, Partitions: partitions,
				Err: kerr.OffsetMetadataTooLarge, When: func(handled kmsg.Request) bool { return handled == r },
			})
		}
		if len(faults) > 0 {
			last = c.kfake.Fault(faults...)
		}
	}
	c.kfake.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		refuse(kmsg.OffsetCommit, r, r.(*kmsg.OffsetCommitRequest).Group, c.partitionsWithLongMetadata(r))
		return nil, nil, false
	})
	c.kfake.ControlKey(int16(kmsg.TxnOffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		refuse(kmsg.TxnOffsetCommit, r, r.(*kmsg.TxnOffsetCommitRequest).Group, c.partitionsWithLongMetadata(r))
		return nil, nil, false
	})
}

// partitionsWithLongMetadata are the partitions of a commit request, by topic, whose metadata is
// too long.
func (c *Cluster) partitionsWithLongMetadata(r kmsg.Request) map[string][]int32 {
	var long map[string][]int32
	for _, commit := range wire.CommitsIn(r, c.topicName) {
		if len(commit.Metadata) <= maxCommitMetadata || countUTF16(commit.Metadata) <= maxCommitMetadata {
			continue // UTF-8 never has fewer bytes than UTF-16 has units
		}
		if long == nil {
			long = map[string][]int32{}
		}
		long[commit.Topic] = append(long[commit.Topic], commit.Partition)
	}
	return long
}

func countUTF16(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
