package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/internal/allocs"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestOnlyARefusalProvesThatNothingWasWritten(t *testing.T) {
	tests := []struct {
		offset int64
		err    error
		want   ledger.Outcome
	}{
		{0, nil, ledger.OutcomeAcked},
		{-1, nil, ledger.OutcomeUnknown}, // acknowledged at an unknown offset
		{-1, kgo.ErrMaxBuffered, ledger.OutcomeFailed},
		{-1, kerr.MessageTooLarge, ledger.OutcomeFailed},
		{-1, fmt.Errorf("%w (uncompressed_bytes=1)", kerr.MessageTooLarge), ledger.OutcomeFailed},
		{-1, kerr.InvalidTopicException, ledger.OutcomeFailed},
		{-1, kgo.ErrRecordTimeout, ledger.OutcomeUnknown},
		{-1, kgo.ErrRecordRetries, ledger.OutcomeUnknown},
		{-1, kgo.ErrClientClosed, ledger.OutcomeUnknown},
		{-1, kerr.NotEnoughReplicasAfterAppend, ledger.OutcomeUnknown},
		{-1, kerr.RequestTimedOut, ledger.OutcomeUnknown},
		{-1, context.Canceled, ledger.OutcomeUnknown},
		{-1, errors.New("something new"), ledger.OutcomeUnknown},
	}
	for _, tt := range tests {
		if got := classifyOutcome(harness.AcksAll, &kgo.Record{Offset: tt.offset}, tt.err); got != tt.want {
			t.Errorf("offset %d, error %v: %v, want %v", tt.offset, tt.err, got, tt.want)
		}
	}
}

func TestSlabsMakeTheSameRecordsForASeed(t *testing.T) {
	a, b, other := newRecordSlabs(&harness.Load{Payload: 120}, 1), newRecordSlabs(&harness.Load{Payload: 120}, 1), newRecordSlabs(&harness.Load{Payload: 120}, 2)
	bodies, same := map[string]bool{}, 0
	var first *sending
	for n := range uint64(3 * slabRecords) {
		x, y, z := a.nextRecord(n, uint32(n)), b.nextRecord(n, uint32(n)), other.nextRecord(n, uint32(n))
		if !bytes.Equal(x.record.Value, y.record.Value) || len(x.record.Value) != 120 || !bytes.Equal(x.record.Key, KeyBytes(uint32(n))) {
			t.Fatalf("record %d: key %s, values %x and %x", n, x.record.Key, x.record.Value, y.record.Value)
		}
		if bytes.Equal(x.record.Value, z.record.Value) {
			same++
		}
		bodies[string(x.record.Value)] = true
		if n == 0 {
			first = x
		}
	}
	if len(bodies) < 2*slabRecords || same > 0 {
		t.Errorf("%d bodies in %d records, %d the same under another seed", len(bodies), 3*slabRecords, same)
	}
	if string(first.record.Key) != "key-0" || !bodies[string(first.record.Value)] {
		t.Error("a later record overwrote the first")
	}
}

func TestSlabsMakeValuesOfTheGivenLength(t *testing.T) {
	for payload, want := range map[int]int{0: defaultPayload, 1: ledger.IdentitySize, ledger.IdentitySize: ledger.IdentitySize, 1000: 1000} {
		s := newRecordSlabs(&harness.Load{Payload: payload}, 1).nextRecord(0, 4294967295)
		if len(s.record.Value) != want {
			t.Errorf("payload %d: %d bytes, want %d", payload, len(s.record.Value), want)
		}
		ledger.Identity{Key: 7}.Encode(s.record.Value)
		if id, err := ledger.DecodeIdentity(s.record.Value); err != nil || id.Key != 7 {
			t.Errorf("payload %d: identity %+v, %v", payload, id, err)
		}
		if string(s.record.Key) != "key-4294967295" {
			t.Errorf("payload %d: the identity overwrote the key: %s", payload, s.record.Key)
		}
	}
}

// steps are values of 50, 80, 110 ... bytes.
type steps struct{ harness.Sizes }

func (steps) Size(n, seed uint64) int { return 50 + 30*int((n+seed)%10) }
func (steps) Max() int                { return 320 }

func TestSlabsMakeValuesOfEachLength(t *testing.T) {
	s := newRecordSlabs(&harness.Load{Payload: 60, Sizes: steps{}}, 1)
	for round := range 3 {
		var done []*sending
		for n := range uint64(slabRecords) {
			next := s.nextRecord(n, 1)
			if want := (steps{}).Size(n, 1); len(next.record.Value) != want || cap(next.record.Value) < want {
				t.Fatalf("round %d, record %d: %d bytes, want %d", round, n, len(next.record.Value), want)
			}
			ledger.Identity{Key: uint32(n)}.Encode(next.record.Value)
			done = append(done, next)
		}
		for n, d := range done {
			if id, err := ledger.DecodeIdentity(d.record.Value); err != nil || id.Key != uint32(n) {
				t.Fatalf("round %d: another record overwrote record %d: %+v, %v", round, n, id, err)
			}
		}
		s.takeBack(done)
	}
	if len(s.all) != 1 || len(s.all[0][0].room) != roomyValues*60 {
		t.Errorf("%d slabs with room for %d bytes", len(s.all), len(s.all[0][0].room))
	}
}

// A completed record is used again, with its bytes. A record in flight is not.
func TestSlabsReuseCompletedRecords(t *testing.T) {
	s := newRecordSlabs(&harness.Load{Payload: 100}, 1)
	keep := s.nextRecord(0, 7)
	value := string(keep.record.Value)
	done := make([]*sending, 0, slabRecords)
	round := func() {
		for n := range uint64(slabRecords - 1) {
			r := s.nextRecord(n, uint32(n))
			if r == keep {
				t.Fatal("a record under way was used again")
			}
			done = append(done, r)
		}
		done = s.takeBack(done)
	}
	round()
	round()
	if len(s.all) != 1 || string(keep.record.Key) != "key-7" || string(keep.record.Value) != value {
		t.Errorf("%d slabs; the record under way became %q %q", len(s.all), keep.record.Key, keep.record.Value)
	}
	if n := allocs.PerRun(t, 10, round); n > 0 {
		t.Errorf("%v allocations for %d records used again", n, slabRecords-1)
	}
}

// Without a broker the producer buffers up to its limit, then waits. Close ends every
// send as unknown.
func TestProducerWithoutABroker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sends")
	journal, err := ledger.NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	clock := ledger.NewClock()
	p, err := NewProducer(ProducerConfig{
		Seeds: []string{"nowhere:9092"}, Topic: "t", Partitions: 1, Clock: clock, Journal: journal,
		Load: harness.Load{Pacer: Flood{Records: 1 << 40}, Keys: Uniform{N: 2}},
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("nobody is there")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const limit = 10
	p.most.Store(limit)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- p.Run(ctx, clock.Now()) }()
	for {
		if sent, _ := p.Progress(); sent >= limit {
			break
		}
		runtime.Gosched()
	}
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("flushed without a broker: %v", err)
	}
	p.Close()
	p.Close()
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	unknown := 0
	if err := r.Each(func(s *ledger.Slot) {
		if s.Outcome() == ledger.OutcomeUnknown {
			unknown++
		}
	}); err != nil {
		t.Fatal(err)
	}
	if sent, acked := p.Progress(); sent != limit || acked != 0 || r.Len() != limit || unknown != limit {
		t.Errorf("sent %d, acked %d, %d in the journal, %d of them unknown; want %d", sent, acked, r.Len(), unknown, limit)
	}
}
