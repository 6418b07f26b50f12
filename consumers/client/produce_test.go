//go:build synctests

package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kgo does not take a record back that a broker may have. A pod that stops must not wait
// for it.
func TestProduceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(kfake.VirtualNetwork)
		cluster, err := kfake.NewCluster(kfake.Ports(9092), kfake.NumBrokers(1), kfake.ListenFn(network.Listen), kfake.SeedTopics(1, "topic"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			cancel()
			return nil, nil, true // no answer
		})
		requests, hangUp := context.WithCancel(t.Context())
		cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext), kgo.WithContext(requests))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, hangUp)
		err = client.Produce(ctx, cl, &kgo.Record{Topic: "topic", Value: []byte("x")})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("produce: %v", err)
		}
		cl.Close()
		cluster.Close()
		time.Sleep(time.Second) // connections find out
	})
}
