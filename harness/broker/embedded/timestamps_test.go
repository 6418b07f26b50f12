package embedded_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestBrokerTimestampsReplaceTheProducers produces to a topic with
// LogAppendTime.
func TestBrokerTimestampsReplaceTheProducers(t *testing.T) {
	c := start(t, 1)
	byBroker := "LogAppendTime"
	if _, err := kadm.NewClient(client(t, c)).CreateTopic(within(t), 1, -1, map[string]*string{"message.timestamp.type": &byBroker}, "stamped"); err != nil {
		t.Fatal(err)
	}
	if err := c.TopicCreated(within(t), "stamped"); err != nil {
		t.Fatal(err)
	}
	before, old := time.Now().Truncate(time.Millisecond), time.UnixMilli(1e12)
	for _, to := range []string{"stamped", topic} {
		if err := client(t, c).ProduceSync(within(t), &kgo.Record{Topic: to, Value: []byte("x"), Timestamp: old}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		got := client(t, c, kgo.ConsumeTopics(to), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart())).PollFetches(within(t)).Records()
		if len(got) != 1 {
			t.Fatalf("%d records of %s", len(got), to)
		}
		if stamped := !got[0].Timestamp.Before(before); stamped != (to == "stamped") {
			t.Errorf("%s: a record produced at %v with the time %v has %v", to, before, old, got[0].Timestamp)
		}
	}
}
