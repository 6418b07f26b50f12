package bare

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lead is how far ahead the load begins.
const lead = 50 * time.Millisecond

// maxPending is the most records without an outcome: as of the producer of a run, a dead leader
// does not delay the schedule.
const maxPending = 1 << 20

// sentLoad is what was sent.
type sentLoad struct {
	records int64
	acks    measure.Sample
}

// sendLoad sends each record when it is due, and returns when all are acknowledged. The host is
// measured from the end of the warm-up to the last record, not in virtual time.
func (r *run) sendLoad(ctx context.Context) (out sentLoad, host harness.HostReport, err error) {
	client, err := r.newProducer(ctx)
	if err != nil {
		return out, host, err
	}
	defer client.Close()
	var mu sync.Mutex // guards acks and failed
	var failed error
	start := time.Now().Add(lead)
	r.lead.Store(int64(start.Sub(r.epoch)))
	var watch *measure.Host
	keys := r.Scenario.Load.SeededKeys(r.Config.Seed)
	random, filler := rand.New(rand.NewPCG(r.Config.Seed, 1)), rand.New(rand.NewPCG(r.Config.Seed, 2))
	for n := uint64(0); ; n++ {
		due, ok := r.Scenario.Load.Pacer.At(n)
		if !ok {
			break
		}
		if err := sleepUntil(ctx, start.Add(due)); err != nil {
			return out, host, err
		}
		if watch == nil && due >= r.Scenario.Warmup && !harness.IsVirtual(r.Backend) {
			watch = measure.StartHost()
		}
		record := r.makeRecord(due, keys.Key(n, random), r.Scenario.Load.ValueSize(n, r.Config.Seed), filler)
		sent := time.Now()
		client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil && failed == nil {
				failed = err
			}
			if due >= r.Scenario.Warmup {
				out.acks.Record(time.Since(sent))
			}
		})
		out.records++
	}
	if watch != nil {
		host = watch.Stop()
	}
	if err := client.Flush(ctx); err != nil {
		return out, host, fmt.Errorf("flush the bare producer: %w", err)
	}
	if failed != nil {
		return out, host, fmt.Errorf("the bare producer: %w", failed)
	}
	return out, host, nil
}

// newProducer makes a client with the settings of the scenario, and lets it connect.
func (r *run) newProducer(ctx context.Context) (*kgo.Client, error) {
	opts := append([]kgo.Opt{
		kgo.SeedBrokers(r.cluster.Seeds()...), kgo.ClientID("bare-producer"), kgo.DefaultProduceTopic(r.topic),
		kgo.MaxBufferedRecords(maxPending), kgo.MetadataMinAge(100 * time.Millisecond), kgo.UnknownTopicRetries(-1), kgo.DisableClientMetrics(),
	}, load.ClientOptions(&r.Scenario.Load, r.Scenario.Producer)...)
	if d := dialOf(r.dialer()); d != nil {
		opts = append(opts, kgo.Dialer(d))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("make a bare producer: %w", err)
	}
	if err := client.EnsureProduceConnectionIsOpen(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("connect the bare producer: %w", err)
	}
	return client, nil
}

// makeRecord makes a record with a value of this size, which begins with when it is due.
func (r *run) makeRecord(due time.Duration, key uint32, size int, filler *rand.Rand) *kgo.Record {
	value := make([]byte, size)
	for i := 8; i+8 <= len(value); i += 8 {
		binary.LittleEndian.PutUint64(value[i:], filler.Uint64())
	}
	binary.LittleEndian.PutUint64(value, uint64(due))
	if !r.Scenario.Load.HasKeys() {
		return &kgo.Record{Partition: int32(key), Value: value}
	}
	return &kgo.Record{Key: load.KeyBytes(key), Value: value}
}

// sleepUntil waits for a time, or for the end of ctx.
func sleepUntil(ctx context.Context, due time.Time) error {
	left := time.Until(due)
	if left <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}
