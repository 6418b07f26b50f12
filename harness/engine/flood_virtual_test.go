//go:build synctests

package engine_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/load"
)

// Each batch waits for its linger. So the rate of a flood is what its limit allows, and the first
// limit allows 41,000 records a second.
func TestFloodOutgrowsSlowAcknowledgements(t *testing.T) {
	const firstLimit, linger = 8192, 200 * time.Millisecond
	r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) {
		s.Load.Pacer, s.Load.Payload = load.Flood{Records: 150_000}, 64
		s.Service, s.Producer.Linger = load.Fixed(0), linger
	}), "keyed", 1)
	if err != nil {
		t.Fatal(err)
	}
	if first := firstLimit / linger.Seconds(); r.Status != harness.Pass || r.Load.Sent < 1.5*first {
		t.Errorf("%s %v: %.0f records a second, want far more than %.0f", r.Status, r.Reasons, r.Load.Sent, first)
	}
}
