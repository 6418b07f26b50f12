package harness

import (
	"context"
	"errors"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// Consumer is an implementation under test. The contract names no client:
// franz-go, sarama, librdkafka or a child process in another language all fit.
type Consumer interface {
	// Consume fetches records of cfg.Topic as a member of cfg.Group and calls w
	// for each. It returns when ctx ends and its last call of w has returned. A
	// pod whose Consume returns before ctx ends has failed; the error then says
	// why. It is data about the implementation, not an error of the harness.
	Consume(ctx context.Context, cfg Config, w Work) error
}

// Work is the application's work on a record, and the only probe of the harness:
// a record has an effect when Do returns nil, and at no other time. It is safe
// for many goroutines.
type Work interface {
	// Do works on r. nil is one effect. An error that wraps [ErrPoison] comes back
	// for this record at every attempt; after any other error, another attempt may
	// succeed. Once ctx has ended, Do returns its error soon and without an effect.
	// Do keeps nothing of r after it returns.
	Do(ctx context.Context, r *Record) error
}

// BatchWork is an ability of the work, found by assertion: it works on several
// records in one downstream call, as a bulk insert does. Without it a consumer
// calls Do for each record.
type BatchWork interface {
	// DoBatch works on records in the order given. nil is one effect for each of
	// them, in that order. An error is no effect for any of them and does not tell
	// which record caused it. It wraps [ErrPoison] if the work on at least one
	// record can never succeed. DoBatch is safe for many goroutines. Like [Work.Do]
	// it returns soon once ctx has ended, and keeps nothing of the records.
	//
	// The call takes as long as its longest record would take alone. That is the
	// most that a batch can save. A crash leaves the attempt open for all records.
	DoBatch(ctx context.Context, records []Record) error
}

// PreparedWork is an ability of the work, found by assertion: a part of it has no
// effect and commutes with all other work, so that a consumer can do it ahead.
// Decoding a record and looking up reference data are examples.
type PreparedWork interface {
	// Prepare does that part for r and sets r.Prepared. Do then takes only the rest
	// of the service time. Prepare may run in any order and together with any other
	// work. It is no attempt: the ledger has nothing of it, and after a crash it is
	// repeated. It fails only once ctx has ended. It is safe for many goroutines.
	// [Scenario.Prepare] is its share of the work.
	Prepare(ctx context.Context, r *Record) error
}

// ErrPoison marks a record on which the work can never succeed.
var ErrPoison = errors.New("poison record")

// Record is one record as the client of a consumer fetched it.
type Record struct {
	Topic      string
	Partition  int32
	Offset     int64
	Key, Value []byte
	Headers    []Header
	Timestamp  time.Time
	Prepared   bool // Prepared is set by [PreparedWork.Prepare] alone.
	Deliveries int  // Deliveries counts deliveries where the client knows them (share groups), else 0.
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Body is the part of the value after the identity prefix: what an application
// would call its payload. It is nil for a value that Stampede did not make.
func (r *Record) Body() []byte {
	if len(r.Value) < ledger.IdentitySize {
		return nil
	}
	return r.Value[ledger.IdentitySize:]
}
