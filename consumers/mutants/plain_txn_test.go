//go:build synctests

package mutants

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A static member that joins again while it ends a transaction is fenced by its own join. A
// new session repeats the transaction.
func TestFencedTransactionIsRepeatedByANewSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(kfake.VirtualNetwork)
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t", "t-output"), kfake.DataDir(t.TempDir()),
			kfake.Ports(9092), kfake.ListenFn(network.Listen))
		if err != nil {
			t.Fatal(err)
		}
		committed := make(chan struct{}, 1)
		requests := 0
		cluster.ControlKey(int16(kmsg.TxnOffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			if requests++; requests > 1 {
				select {
				case committed <- struct{}{}:
				default:
				}
				return nil, nil, false
			}
			return fenceInstance(r.(*kmsg.TxnOffsetCommitRequest)), nil, true
		})
		producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext), kgo.DefaultProduceTopic("t"))
		if err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(t.Context(), &kgo.Record{Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		consumer, err := plainTransaction("", "", nil).New(harness.Config{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- consumer.Consume(ctx, harness.Config{
				Seeds: cluster.ListenAddrs(), Dialer: network.DialContext, Topic: "t", Group: "g", Pod: "a", InstanceID: "a", Incarnation: 1,
				SideTopics: map[string]string{outputTopic: "t-output"}, Workers: 1, Window: 10, MaxPoll: 10, Protocol: harness.Static,
				Commit: 50 * time.Millisecond, Session: 6 * time.Second, Heartbeat: time.Second, Rebalance: 5 * time.Second, RevokeTimeout: 2 * time.Second,
			}, workFunc(func(context.Context, *harness.Record) error { return nil }))
		}()
		select {
		case <-committed:
		case err := <-ended:
			t.Errorf("the consumer ended: %v", err)
			ended <- nil
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		producer.Close()
		cluster.Close()
		time.Sleep(time.Minute) // connections and clients end
	})
}

func fenceInstance(req *kmsg.TxnOffsetCommitRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewTxnOffsetCommitResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, kerr.FencedInstanceID.Code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
