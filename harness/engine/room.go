package engine

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// roomOf is the share of the processors that a measured phase may use. Above it requests queue for
// a processor, and designs differ by less than that queue.
const roomOf = 0.85

// Saturation says why the latencies of a run are those of the machine, and what to
// change. It is "" for a machine that had room, in virtual time, and for a flood, which has no
// latencies. The time that a hypervisor took was not there to be used.
func Saturation(s *harness.Scenario, b harness.Backend, host harness.HostReport) string {
	_, flood := s.Load.Pacer.(harness.Flooder)
	there := 1 - host.Steal
	if flood || harness.IsVirtual(b) || host.CPUs == 0 || there <= 0 || host.Busy/there <= roomOf {
		return ""
	}
	return fmt.Sprintf("the processors were %.0f %% busy while the load was measured, and more than %.0f %% is a queue: choose a longer linger, a lower rate, fewer partitions or pods, or more cores",
		100*host.Busy/there, 100*roomOf)
}
