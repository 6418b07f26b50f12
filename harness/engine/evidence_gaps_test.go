package engine

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestOnlyFaultsOfBrokersExplainAGap(t *testing.T) {
	onBroker := harness.Target{Nodes: []int32{1}}
	for name, tt := range map[string]struct {
		faults []injectedFault
		want   time.Duration
	}{
		"none":             {nil, 0},
		"of a pod":         {[]injectedFault{{injected: 10, healed: 20}}, 0},
		"within":           {[]injectedFault{{injected: 12, healed: 15, target: onBroker}}, 3},
		"before":           {[]injectedFault{{injected: 2, healed: 10, target: onBroker}}, 0},
		"over both ends":   {[]injectedFault{{injected: 2, healed: 30, target: onBroker}}, 10},
		"not healed":       {[]injectedFault{{injected: 14, healed: harness.Never, target: onBroker}}, 6},
		"two in one":       {[]injectedFault{{injected: 11, healed: 18, target: onBroker}, {injected: 12, healed: 14, target: onBroker}}, 7},
		"two that overlap": {[]injectedFault{{injected: 11, healed: 14, target: onBroker}, {injected: 13, healed: 19, target: onBroker}}, 8},
	} {
		if got := brokerFaultTime(10, 20, tt.faults); got != tt.want {
			t.Errorf("%s: %d of the gap, want %d", name, got, tt.want)
		}
	}
}
