package wire

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// fill gives each list in a request one part, and each text a value.
func fill(v reflect.Value) {
	text := "x"
	for i := range v.NumField() {
		f := v.Field(i)
		switch {
		case f.Kind() == reflect.String:
			f.SetString(text)
		case f.Type() == reflect.TypeOf(&text):
			f.Set(reflect.ValueOf(&text))
		case f.Kind() == reflect.Struct:
			fill(f)
		case f.Kind() == reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			if e := f.Index(0); e.Kind() == reflect.Struct {
				fill(e)
			} else if e.Kind() == reflect.String {
				e.SetString(text)
			}
		}
	}
}

// TestEveryRequestThatFaultsRefuseIsRefused encodes the refusal of each version of a request,
// and finds the error code in what a client reads.
func TestEveryRequestThatFaultsRefuseIsRefused(t *testing.T) {
	for _, key := range []kmsg.Key{
		kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets, kmsg.Metadata, kmsg.OffsetCommit, kmsg.OffsetFetch, kmsg.FindCoordinator,
		kmsg.JoinGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.SyncGroup, kmsg.InitProducerID, kmsg.AddPartitionsToTxn,
		kmsg.AddOffsetsToTxn, kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.ConsumerGroupHeartbeat, kmsg.ShareGroupHeartbeat,
		kmsg.ShareFetch, kmsg.ShareAcknowledge,
	} {
		for version := range kmsg.RequestForKey(int16(key)).MaxVersion() + 1 {
			req := kmsg.RequestForKey(int16(key))
			fill(reflect.ValueOf(req).Elem())
			req.SetVersion(version)
			h := header{key: int16(key), version: version}
			resp := readResponse(h, responseFrame(7, refusalOf(req, 27)))
			if resp == nil {
				t.Fatalf("%s %d: the refusal cannot be read", key.Name(), version)
			}
			if code := errorOf(resp); code != 27 {
				t.Errorf("%s %d: error code %d", key.Name(), version, code)
			}
		}
	}
}

// TestRefusalNamesWhatWasAskedFor: each group, topic, partition and key of a request gets its
// own error code.
func TestRefusalNamesWhatWasAskedFor(t *testing.T) {
	id := [16]byte{7}
	for name, tt := range map[string]struct {
		req  kmsg.Request
		want string
	}{
		"commit": {&kmsg.OffsetCommitRequest{Version: 9, Topics: []kmsg.OffsetCommitRequestTopic{
			{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: 3, Offset: 9}, {Partition: 5, Offset: 1}}},
		}}, "t [00] 3:27 5:27 "},
		"commit by topic id": {&kmsg.OffsetCommitRequest{Version: 10, Topics: []kmsg.OffsetCommitRequestTopic{
			{TopicID: id, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: 3}}},
		}}, " [07] 3:27 "},
		"fetch of commits": {&kmsg.OffsetFetchRequest{Version: 8, Groups: []kmsg.OffsetFetchRequestGroup{
			{Group: "g", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{2, 4}}}},
		}}, "g:27 t 2:27 4:27 "},
		"coordinators": {&kmsg.FindCoordinatorRequest{Version: 4, CoordinatorKeys: []string{"a", "b"}}, "a:27 b:27 "},
		"coordinator":  {&kmsg.FindCoordinatorRequest{Version: 3, CoordinatorKey: "a"}, "27"},
	} {
		got := ""
		switch resp := refusalOf(tt.req, 27).(type) {
		case *kmsg.OffsetCommitResponse:
			for _, topic := range resp.Topics {
				got += fmt.Sprintf("%s [%02x] ", topic.Topic, topic.TopicID[0])
				for _, p := range topic.Partitions {
					got += fmt.Sprintf("%d:%d ", p.Partition, p.ErrorCode)
				}
			}
		case *kmsg.OffsetFetchResponse:
			for _, g := range resp.Groups {
				got += fmt.Sprintf("%s:%d %s ", g.Group, g.ErrorCode, g.Topics[0].Topic)
				for _, p := range g.Topics[0].Partitions {
					got += fmt.Sprintf("%d:%d ", p.Partition, p.ErrorCode)
				}
			}
		case *kmsg.FindCoordinatorResponse:
			for _, c := range resp.Coordinators {
				got += fmt.Sprintf("%s:%d ", c.Key, c.ErrorCode)
			}
			if len(resp.Coordinators) == 0 {
				got = fmt.Sprint(resp.ErrorCode)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestRefusedRequestIsAnsweredInItsTurn has three requests on one connection, and the second
// one is refused. The broker gets one in its place that changes nothing. The client gets the
// refusal between the other responses, and an observer sees it.
func TestRefusedRequestIsAnsweredInItsTurn(t *testing.T) {
	rules := new(Rules)
	apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), Skip: 1, Limit: 1, Then: harness.WireRefuse, Code: 51})
	var asked, over []string
	raw := &script{pieces: [][]byte{slices.Concat(endTxn("a", 1), endTxn("b", 2), endTxn("c", 3))}}
	c := Wrap(raw, &Line{Now: func() int64 { return 1 }, Rules: rules, Observer: Observer{
		Wants:     wantsEndTxn,
		OnRequest: func(x *Exchange) { asked = append(asked, x.Request.(*kmsg.EndTxnRequest).TransactionalID) },
		OnExchange: func(x *Exchange) {
			over = append(over, fmt.Sprint(x.Request.(*kmsg.EndTxnRequest).TransactionalID, x.Response.(*kmsg.EndTxnResponse).ErrorCode, x.Refused))
		},
	}})
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	inPlace := kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrApiVersionsRequest(), 2)
	if !slices.Equal(got, slices.Concat(endTxn("a", 1), inPlace, endTxn("c", 3))) {
		t.Errorf("the broker got % x", got)
	}
	versions := responseFrame(2, kmsg.NewPtrApiVersionsResponse())
	if _, err := c.Write(slices.Concat(endTxnResponse(1, 0), versions, endTxnResponse(3, 0))); err != nil {
		t.Fatal(err)
	}
	if want := slices.Concat(endTxnResponse(1, 0), endTxnResponse(2, 51), endTxnResponse(3, 0)); !slices.Equal(raw.written(), want) {
		t.Errorf("the client got % x, want % x", raw.written(), want)
	}
	if !slices.Equal(asked, []string{"a", "c"}) || !slices.Equal(over, []string{"a0 false", "b51 true", "c0 false"}) {
		t.Errorf("seen %q and %q", asked, over)
	}
}
