package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// calmWith is a calm scenario with settings of its producer.
func calmWith(s harness.ProducerSettings) harness.Scenario {
	return harness.Scenario{
		Name: "x", Load: harness.Load{Pacer: load.Constant{Rate: 100, For: 10 * time.Second}, Keys: load.Uniform{N: 10}},
		Service: load.Fixed(time.Millisecond), Producer: s,
	}
}

func TestProducerOverridesReplaceTheSettingsOfAScenario(t *testing.T) {
	unsafe := harness.ProducerSettings{NotIdempotent: true, InFlight: 5}
	for name, c := range map[string]struct {
		of   harness.ProducerSettings
		by   ProducerOverrides
		want string // in words
	}{
		"nothing":                           {unsafe, ProducerOverrides{}, unsafe.String()},
		"acks of the leader":                {harness.ProducerSettings{}, ProducerOverrides{Acks: "1"}, "acks=1, not idempotent"},
		"no acks":                           {harness.ProducerSettings{}, ProducerOverrides{Acks: "0", Idempotence: "false"}, "acks=0, not idempotent"},
		"all acks leave idempotence off":    {unsafe, ProducerOverrides{Acks: "all"}, unsafe.String()},
		"idempotence has its own in flight": {unsafe, ProducerOverrides{Idempotence: "true"}, ""},
		"not idempotent":                    {harness.ProducerSettings{}, ProducerOverrides{Idempotence: "false"}, "not idempotent"},
		"batches": {harness.ProducerSettings{}, ProducerOverrides{Linger: 25 * time.Millisecond, Batch: 2048, Compression: "lz4"},
			"linger 25ms, batches of at most 2048 bytes, compressed by lz4"},
		"as little as can be": {harness.ProducerSettings{Linger: time.Second, Compression: harness.CompressionZstd}, ProducerOverrides{Linger: harness.NoLinger, Compression: "none"}, "no linger"},
	} {
		s, err := Overrides{Producer: c.by}.Apply(calmWith(c.of))
		if err != nil || s.Producer.String() != c.want {
			t.Errorf("%s: %q, %v; want %q", name, s.Producer, err, c.want)
		}
	}
}

func TestProducerOverridesThatContradictAreRefused(t *testing.T) {
	for want, by := range map[string]ProducerOverrides{
		`acks are "2": want all, 1 or 0`:                     {Acks: "2"},
		`idempotence is "maybe": want true or false`:         {Idempotence: "maybe"},
		"idempotence needs the acks of all in-sync replicas": {Acks: "1", Idempotence: "true"},
		"Producer.Batch: want 0, or 1024 to 1000012 bytes":   {Batch: 10},
		`unknown value "rar"; there are: gzip, snappy, lz4`:  {Compression: "rar"},
	} {
		if _, err := (Overrides{Producer: by}).Apply(calmWith(harness.ProducerSettings{})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", by, err, want)
		}
	}
}
