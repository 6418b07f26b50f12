//go:build synctests

package engine_test

import (
	"testing"
	"testing/synctest"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
)

// TestFaultsOnTheWireShowAtClientsInVirtualTime has a cluster for each fault.
func TestFaultsOnTheWireShowAtClientsInVirtualTime(t *testing.T) {
	for _, e := range wireEffects {
		t.Run(e.fault.Name(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster, err := virtual.Backend{}.Start(t.Context(), harness.ClusterSpec{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { cluster.Close() })
				e.show(t, cluster)
			})
		})
	}
}
