//go:build synctests

package engine_test

import (
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/engine"
)

// In virtual time each case is cheap, so CI tries a fault at each moment of each consumer.
func TestMomentsAreHitInVirtualTime(t *testing.T) {
	one := func(cell int, c momentCase) bool {
		if c.moment.Work != 0 {
			return c.fault == cell%cutOff
		}
		return c.fault == cell%faultsAtMoment
	}
	hitMoments(t, one, func(t *testing.T, p *engine.Plan) *harness.Run {
		p.Backend = virtual.Backend{}
		return inBubble(t, *p, nil)
	})
}
