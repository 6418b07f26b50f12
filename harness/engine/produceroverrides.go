package engine

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// ProducerOverrides are what the command line changes of the producer in every scenario, in
// the words of Kafka's producer. A zero value changes nothing.
type ProducerOverrides struct {
	Acks        string        // Acks is "all", "1" or "0".
	Idempotence string        // Idempotence is "true" or "false". Without it acks other than all turn it off.
	Linger      time.Duration // Linger is at least 0; [harness.NoLinger] is 0.
	Batch       int           // Batch is the most bytes of a batch.
	Compression string        // Compression is a codec, or "none".
}

// apply returns the settings with the overrides. [harness.Scenario.Validate] says whether they
// fit together.
func (o ProducerOverrides) apply(s harness.ProducerSettings) (harness.ProducerSettings, error) {
	acks, isAcks := acksByName[o.Acks]
	switch {
	case o.Acks == "":
	case !isAcks:
		return s, fmt.Errorf("acks are %q: want all, 1 or 0", o.Acks)
	default:
		s.Acks = acks
		s.NotIdempotent = s.NotIdempotent || acks != harness.AcksAll
	}
	if o.Idempotence != "" {
		on, err := strconv.ParseBool(o.Idempotence)
		if err != nil {
			return s, fmt.Errorf("idempotence is %q: want true or false", o.Idempotence)
		}
		if on && s.Acks != harness.AcksAll {
			return s, errors.New("idempotence needs the acks of all in-sync replicas: want acks=all, or idempotence=false")
		}
		if s.NotIdempotent = !on; on {
			s.InFlight = 0 // idempotence has a limit of its own
		}
	}
	s.Linger, s.Batch = cmp.Or(o.Linger, s.Linger), cmp.Or(o.Batch, s.Batch)
	switch o.Compression {
	case "":
	case "none":
		s.Compression = harness.CompressionNone
	default:
		s.Compression = harness.Compression(o.Compression)
	}
	return s, nil
}

var acksByName = map[string]harness.Acks{"all": harness.AcksAll, "1": harness.AcksLeader, "0": harness.AcksNone}
