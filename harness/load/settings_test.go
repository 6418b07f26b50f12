package load_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sent is what a broker saw of a producer in its requests.
type sent struct {
	acks  int16
	codec int16 // the number of the codec in the batches
	ids   bool  // ids: the batches have a producer id.
}

// TestProducerKeepsItsSettings asks a broker what it got under each setting.
func TestProducerKeepsItsSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		settings harness.ProducerSettings
		want     sent
		outcome  ledger.Outcome
	}{
		"none":   {harness.ProducerSettings{}, sent{-1, 0, true}, ledger.OutcomeAcked},
		"leader": {harness.ProducerSettings{Acks: harness.AcksLeader, NotIdempotent: true, Compression: harness.CompressionGzip}, sent{1, 1, false}, ledger.OutcomeAcked},
		"no ack": {harness.ProducerSettings{Acks: harness.AcksNone, NotIdempotent: true, Compression: harness.CompressionSnappy}, sent{0, 2, false}, ledger.OutcomeUnknown},
		"lz4":    {harness.ProducerSettings{NotIdempotent: true, InFlight: 5, Retries: -1, Batch: 1 << 14, Compression: harness.CompressionLZ4}, sent{-1, 3, false}, ledger.OutcomeAcked},
		"zstd":   {harness.ProducerSettings{Compression: harness.CompressionZstd, Linger: 5 * time.Millisecond}, sent{-1, 4, true}, ledger.OutcomeAcked},
	} {
		t.Run(name, func(t *testing.T) {
			c := startKafka(t)
			seen := make(chan sent, 100)
			c.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				req := kreq.(*kmsg.ProduceRequest)
				batch := kmsg.NewRecordBatch()
				if err := batch.ReadFrom(req.Topics[0].Partitions[0].Records); err != nil {
					t.Error(err)
				}
				seen <- sent{req.Acks, batch.Attributes & 7, batch.ProducerID >= 0}
				return nil, nil, false
			})
			l := harness.Load{Pacer: load.Constant{Rate: 200, For: 100 * time.Millisecond}, Keys: load.Uniform{N: 1}, Payload: 1000}
			p, clock, journal, path := startProducer(t, c, l, tt.settings)
			if err := p.Run(t.Context(), clock.Now()); err != nil {
				t.Fatal(err)
			}
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			readLog(t, c, 20)
			if got := <-seen; got != tt.want {
				t.Errorf("the broker got %+v, want %+v", got, tt.want)
			}
			for _, s := range readSends(t, p, journal, path) {
				if s.Outcome() != tt.outcome {
					t.Fatalf("outcome %v, want %v", s.Outcome(), tt.outcome)
				}
			}
		})
	}
}
