//go:build synctests

package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// What acknowledgements and attempts prove is not read, unless something may have changed the log since then.
// In each run all is read once more, and compared.
func TestProvenRecordsAreNotRead(t *testing.T) {
	inject := func(f harness.Fault) func(*harness.Scenario) {
		return func(s *harness.Scenario) {
			s.Injections = []harness.Injection{{Fault: f, At: 4 * time.Second, HealAfter: 2 * time.Second}}
		}
	}
	for name, tt := range map[string]struct {
		consumer string
		change   func(*harness.Scenario)
		whole    string // whole is a part of why all is read
		most     int64  // most is how many of 800 records are read at most
	}{
		"a calm run":                   {},
		"records without keys":         {consumer: "serial", change: func(s *harness.Scenario) { s.Load.Keys = load.NoKeys{} }},
		"compressed records":           {change: func(s *harness.Scenario) { s.Producer.Compression = harness.CompressionLZ4 }},
		"a pod that is killed":         {change: inject(fault.KillPod{}), most: 20},
		"a share group":                {consumer: "share"},
		"a producer that is killed":    {change: inject(fault.KillProducer{}), most: 20},
		"a broker that is killed":      {change: inject(fault.KillBroker{}), whole: "kill broker"},
		"records that are deleted":     {change: inject(fault.DeleteRecords{}), whole: "delete records"},
		"partitions that are added":    {change: inject(fault.AddPartitions{}), whole: "add partitions"},
		"sends that ask for no acks":   {change: func(s *harness.Scenario) { s.Producer.Acks, s.Producer.NotIdempotent = harness.AcksNone, true }, whole: "no send was acknowledged"},
		"a topic with a retention":     {change: func(s *harness.Scenario) { s.TopicConfig = map[string]string{"retention.ms": "3600000"} }, whole: "settings of its own"},
		"leaders of another epoch":     {change: inject(secretly{fault.MoveLeaders{}}), whole: "a leader was elected"},
		"a fault that says too little": {change: inject(secretly{fault.AddPartitions{}}), whole: "changed the topic"},
	} {
		t.Run(name, func(t *testing.T) {
			p := calmPlan(t, tt.consumer, func(s *harness.Scenario) {
				s.Load.Pacer = load.Constant{Rate: 100, For: 8 * time.Second}
				if tt.change != nil {
					tt.change(s)
				}
			})
			p.FinalRead = engine.FinalReadCompare
			o := outcomeInBubble(t, p, nil)
			if tt.whole != "" {
				if !strings.Contains(o.WholeRead, tt.whole) || o.Proven != 0 {
					t.Errorf("%d records were not read, all were because %q, want %q", o.Proven, o.WholeRead, tt.whole)
				}
				return
			}
			if o.WholeRead != "" || o.Proven < o.Run.Counts.Appended-tt.most || o.Run.Counts.Appended < 700 {
				t.Errorf("%d of %d records were not read, want all but %d (%s)", o.Proven, o.Run.Counts.Appended, tt.most, o.WholeRead)
			}
		})
	}
}

// secretly is a fault that claims to affect the first pod alone.
type secretly struct{ harness.Fault }

func (s secretly) Inject(ctx context.Context, env *harness.Env) (func(context.Context) error, error) {
	heal, err := s.Fault.Inject(ctx, env)
	env.Target = harness.Target{Name: "pod-1", Pod: "pod-1"}
	return heal, err
}

// AddedPartitions implements the ability of faults that add partitions.
func (s secretly) AddedPartitions(n int) int {
	if f, ok := s.Fault.(interface{ AddedPartitions(int) int }); ok {
		return f.AddedPartitions(n)
	}
	return 0
}

// A record that was acknowledged and read, and that the broker lost then, is missed as by a whole read.
func TestRecordLostAfterItWasReadIsMissed(t *testing.T) {
	p := calmPlan(t, "", func(s *harness.Scenario) {
		s.Load.Pacer = oneLate{load.Constant{Rate: 100, For: 10 * time.Second}}
		s.Injections = []harness.Injection{{Fault: rewriteLog{}, At: 14 * time.Second}}
	})
	o := outcomeInBubble(t, p, nil)
	if v := verdictOn(t, &o.Run, oracle.CheckLostByBroker); v.Status != harness.Fail || v.Count != 100 {
		t.Errorf("%s: %s, %d records lost by the broker, want 100 of 1000 (read whole: %q)", o.Run.Status, v.Status, v.Count, o.WholeRead)
	}
}

// oneLate is a schedule with one record more, ten seconds after the others.
type oneLate struct{ load.Constant }

func (o oneLate) At(n uint64) (time.Duration, bool) {
	due, ok := o.Constant.At(n)
	if !ok && n > 0 {
		if _, last := o.Constant.At(n - 1); last {
			return o.For + 10*time.Second, true
		}
	}
	return due, ok
}

// rewriteLog kills all pods and puts another log in the place of the source. It has the same records at the same
// offsets, but one in ten is another: as after an unclean election, when the next leader got other records.
type rewriteLog struct{}

func (rewriteLog) Name() string { return "rewrite the log" }

func (rewriteLog) Inject(ctx context.Context, env *harness.Env) (func(context.Context) error, error) {
	env.Target = harness.Target{Name: "the log"}
	for _, p := range env.Pods {
		if p.(harness.Prober).Running() {
			if err := p.Kill(ctx); err != nil {
				return nil, err
			}
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(env.Cluster.Seeds()...), kgo.Dialer(env.Dial), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumeTopics(env.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var log []*kgo.Record
	total := int64(0)
	for _, n := range env.Log.Appended() {
		total += n
	}
	for int64(len(log)) < total {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		log = append(log, fetches.Records()...)
	}
	adm := kadm.NewClient(client)
	deleted, err := adm.DeleteTopics(ctx, env.Topic)
	if err := errors.Join(err, deleted.Error()); err != nil {
		return nil, err
	}
	if _, err := adm.CreateTopic(ctx, int32(len(env.Log.Appended())), 1, nil, env.Topic); err != nil {
		return nil, err
	}
	client.PurgeTopicsFromClient(env.Topic)
	for i, r := range log {
		again := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: bytes.Clone(r.Value), Timestamp: r.Timestamp}
		if i%10 == 0 {
			again.Value = []byte("another record")
		}
		if err := client.ProduceSync(ctx, again).FirstErr(); err != nil {
			return nil, err
		}
		if again.Offset != r.Offset {
			return nil, fmt.Errorf("offset %d became %d", r.Offset, again.Offset)
		}
	}
	return nil, nil
}

func (rewriteLog) Verify(context.Context, *harness.Env) error { return nil }
