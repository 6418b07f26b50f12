package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ProducerSettings are the settings of the producer that sends the load. The zero value
// is an idempotent producer that waits for all in-sync replicas.
type ProducerSettings struct {
	Acks Acks `json:"acks,omitempty"`
	// NotIdempotent lets the broker append a record again that the producer sends again.
	NotIdempotent bool `json:"not_idempotent,omitempty"`
	// Retries is how often a record is sent again after an error. 0: until 60 s have
	// passed. -1: never.
	Retries int `json:"retries,omitempty"`
	// InFlight is how many requests to a broker may wait for their responses. Without
	// idempotence, more than one may change the order of records. 0: 1, and 5 with
	// idempotence, which allows no other value.
	InFlight int `json:"in_flight,omitempty"`
	// Linger is how long the producer waits for more records of a batch. 0: as the back end says
	// ([Lingerer]). [NoLinger]: it does not wait.
	Linger      time.Duration `json:"linger_ns,omitempty"`
	Batch       int           `json:"batch,omitempty"`       // Batch is the most bytes of a batch. 0: 1,000,012.
	Compression Compression   `json:"compression,omitempty"` // Compression of batches. "": none.
}

// DefaultLinger is the linger of a back end that does not say another.
const DefaultLinger = time.Millisecond

// NoLinger is the linger of a producer that does not wait for more records of a batch.
const NoLinger time.Duration = -1

// ProducerClientID is the client id of the producer.
const ProducerClientID = "stampede-producer"

// ProducerControl lets a fault kill and start the producer.
type ProducerControl interface {
	// Kill ends the producer's client with all records in flight, whose outcomes are unknown
	// then. Records that are due wait for Start. It fails if no client runs.
	Kill(context.Context) error
	// Start makes a new client, which goes on with the next record. It does nothing if one runs.
	Start(context.Context) error
	// Running reports whether a client runs.
	Running() bool
}

// ProducerFault is the ability of a fault to be about what the producer and the brokers send
// each other. The producer then gets a front where pods have fronts.
type ProducerFault interface{ AffectsProducer() bool }

// Acks says which brokers must have a record before it is acknowledged.
type Acks string

const (
	AcksAll    Acks = ""       // AcksAll waits for all in-sync replicas.
	AcksLeader Acks = "leader" // AcksLeader waits for the leader alone: acks=1.
	AcksNone   Acks = "none"   // AcksNone waits for no broker: acks=0.
)

// Compression is the codec of a batch.
type Compression string

// The codecs of Kafka.
const (
	CompressionNone   Compression = ""
	CompressionGzip   Compression = "gzip"
	CompressionSnappy Compression = "snappy"
	CompressionLZ4    Compression = "lz4"
	CompressionZstd   Compression = "zstd"
)

// Limits of a batch, in bytes. The least has room for any record that a test sends.
const (
	minBatch = 1 << 10
	maxBatch = 1_000_012
)

// validateProducer refuses settings that mean nothing, or that exclude each other.
func (p ProducerSettings) validateProducer() error {
	errs := []error{
		checkOneOf("Producer.Acks", p.Acks, AcksAll, AcksLeader, AcksNone),
		checkOneOf("Producer.Compression", p.Compression, CompressionNone, CompressionGzip, CompressionSnappy, CompressionLZ4, CompressionZstd),
		checkLeast("Producer.Retries", p.Retries, -1), checkLeast("Producer.InFlight", p.InFlight, 0), checkLeast("Producer.Linger", p.Linger, NoLinger),
	}
	if p.Acks != AcksAll && !p.NotIdempotent {
		errs = append(errs, refuseField("Producer.NotIdempotent", "true, since only acks of all replicas allow idempotence", p.NotIdempotent))
	}
	if p.InFlight != 0 && !p.NotIdempotent {
		errs = append(errs, refuseField("Producer.InFlight", "0, since idempotence has its own limit of 5", p.InFlight))
	}
	if p.Batch != 0 && (p.Batch < minBatch || p.Batch > maxBatch) {
		errs = append(errs, refuseField("Producer.Batch", fmt.Sprintf("0, or %d to %d bytes", minBatch, maxBatch), p.Batch))
	}
	return errors.Join(errs...)
}

// KeepsAcknowledged reports whether the settings promise that an acknowledged record stays
// in the log when its leader dies.
func (p ProducerSettings) KeepsAcknowledged() bool { return p.Acks == AcksAll }

// KeepsOrder reports whether the settings promise that the records of a key lie in the log
// in the order of their sends.
func (p ProducerSettings) KeepsOrder() bool { return !p.NotIdempotent || p.InFlight <= 1 }

// AppendsOnce reports whether the settings promise that a record lies in the log only once.
func (p ProducerSettings) AppendsOnce() bool { return !p.NotIdempotent }

// String is what differs from the zero value in words, "" if nothing does.
func (p ProducerSettings) String() string {
	var words []string
	say := func(differs bool, format string, args ...any) {
		if differs {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	say(p.Acks == AcksLeader, "acks=1")
	say(p.Acks == AcksNone, "acks=0")
	say(p.NotIdempotent, "not idempotent")
	say(p.Retries == -1, "no retries")
	say(p.Retries > 0, "at most %d retries", p.Retries)
	say(p.InFlight > 0, "%d requests in flight", p.InFlight)
	say(p.Linger > 0, "linger %v", p.Linger)
	say(p.Linger == NoLinger, "no linger")
	say(p.Batch > 0, "batches of at most %d bytes", p.Batch)
	say(p.Compression != "", "compressed by %s", p.Compression)
	return strings.Join(words, ", ")
}
