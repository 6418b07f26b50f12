package wire

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestFetchesAreReportedBeforeTheBrokerGetsThem passes two fetches and their responses. The
// responses pass on as they come: the first piece of one is there before the rest exists.
func TestFetchesAreReportedBeforeTheBrokerGetsThem(t *testing.T) {
	asked := slices.Concat(fetchFrom(1, 7), fetchFrom(2, 40))
	for seed := range uint64(100) {
		var got []harness.Fetch
		c := Wrap(&script{pieces: cut(rand.New(rand.NewPCG(seed, 1)), asked)}, &Line{
			Now: func() int64 { return 5 }, Rules: new(Rules),
			Observer: Observer{Wants: wantsNone, OnFetch: func(client string, at int64, req *kmsg.FetchRequest) {
				ReportFetches(client, at, req, func(string, [16]byte) string { return "run-1" }, func(group string, call func(harness.GroupEvents)) {
					if group != "run-1" {
						t.Errorf("reported to the group %q", group)
					}
					call(harness.GroupEvents{})
					call(harness.GroupEvents{Fetch: func(f harness.Fetch) { got = append(got, f) }})
				})
			}},
		})
		read := make([]byte, 0, len(asked))
		for buf := make([]byte, 11); len(read) < len(asked); {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			read = append(read, buf[:n]...)
		}
		want := []harness.Fetch{
			{At: 5, ClientID: "pod-0.1", Topic: "run-1", Partition: 3, Offset: 7}, {At: 5, ClientID: "pod-0.1", Topic: "run-1", Partition: 3, Offset: 40},
		}
		if !slices.Equal(got, want) || !slices.Equal(read, asked) {
			t.Fatalf("seed %d: reported %+v; the bytes are the same: %v", seed, got, slices.Equal(read, asked))
		}
		begun := binary.BigEndian.AppendUint32([]byte{0, 1, 0, 0}, 1)
		if _, err := c.Write(begun); err != nil {
			t.Fatal(err)
		}
		if sent := c.Conn.(*script).written(); !slices.Equal(sent, begun) {
			t.Fatalf("of a response that has begun %d bytes passed, of %d", len(sent), len(begun))
		}
	}
}

// fetchFrom is a fetch of partition 3 from an offset on, by the id of its topic.
func fetchFrom(correlation int32, offset int64) []byte {
	req := kmsg.NewPtrFetchRequest()
	req.Version = 13
	topic, partition := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	topic.TopicID, partition.Partition, partition.FetchOffset = [16]byte{1}, 3, offset
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	return formatter.AppendRequest(nil, req, correlation)
}
