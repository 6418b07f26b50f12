package embedded_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness/broker/embedded"
)

// Kafka refuses the partitions whose commit has more metadata than 4,096 UTF-16 units, and takes the others.
func TestCommitWithLongMetadataIsRefused(t *testing.T) {
	c := start(t, 4)
	cl := client(t, c)
	long := strings.Repeat("ä", 4097)
	for round := range 2 { // the refusal is for one request, and each request gets it
		codes := commitMetadata(t, c, cl, map[int32]string{0: strings.Repeat("ä", 4096), 1: long, 2: "", 3: strings.Repeat("😀", 2049)})
		want := map[int32]int16{0: 0, 1: kerr.OffsetMetadataTooLarge.Code, 2: 0, 3: kerr.OffsetMetadataTooLarge.Code}
		for p, code := range want {
			if codes[p] != code {
				t.Errorf("round %d: partition %d has error %d, want %d", round, p, codes[p], code)
			}
		}
	}
	if codes := commitMetadata(t, c, cl, map[int32]string{1: "short"}); codes[1] != 0 {
		t.Errorf("a short commit after a refused one has error %d", codes[1])
	}
	commits, err := kadm.NewClient(cl).FetchOffsets(within(t), group)
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := commits.Lookup(topic, 3); ok && at.At >= 0 {
		t.Errorf("the group has the refused commit %d", at.At)
	}
}

// commitMetadata commits offset 1 of partitions for the group, which has no members. It returns the error
// code of each partition.
func commitMetadata(t *testing.T, c *embedded.Cluster, cl kmsg.Requestor, metadata map[int32]string) map[int32]int16 {
	t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	of := kmsg.NewOffsetCommitRequestTopic()
	of.Topic, of.TopicID = topic, c.Kfake().TopicInfo(topic).TopicID
	for p, text := range metadata {
		one := kmsg.NewOffsetCommitRequestTopicPartition()
		one.Partition, one.Offset, one.Metadata = p, 1, kmsg.StringPtr(text)
		of.Partitions = append(of.Partitions, one)
	}
	req.Topics = append(req.Topics, of)
	resp, err := req.RequestWith(within(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[int32]int16{}
	for _, p := range resp.Topics[0].Partitions {
		codes[p.Partition] = p.ErrorCode
	}
	return codes
}
