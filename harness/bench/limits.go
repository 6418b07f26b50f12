package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

const (
	// maxRate is higher than the rate of the fastest producer.
	maxRate = 1_000_000
	// recordOverhead is about how many bytes a broker in memory needs for a record in
	// addition to its value.
	recordOverhead = 100
)

// checkLimits refuses an empty list of names, and a load that does not fit into
// this machine's memory. A broker in memory may use half of that: pods, clients
// and the final read need memory too.
func (o *options) checkLimits(m *matrix, memory uint64) error {
	for _, name := range []string{"scenario", "consumer"} {
		if slices.Contains(o.given, "-"+name+"=") {
			return fmt.Errorf("-%s= is empty: leave it out for the default, or see -scenarios", name)
		}
	}
	d, ok := m.backend.(harness.Describer)
	if !ok || !d.Modelled() || memory == 0 {
		return nil
	}
	for _, s := range m.scenarios {
		records, _, _ := load.Extent(s.Load.Pacer)
		if need, room := float64(records)*float64(s.Load.Payload+recordOverhead), float64(memory)/2; need > room {
			return fmt.Errorf("scenario %s: %d records of %d bytes take %.1f GiB, and the broker may keep %.1f GiB in memory: lower RATE, DURATION or PAYLOAD",
				s.Name, records, s.Load.Payload, need/(1<<30), room/(1<<30))
		}
	}
	return nil
}

// machineMemory is the machine's memory in bytes, 0 if it is unknown.
func machineMemory() uint64 {
	kib, err := strconv.ParseUint(strings.TrimSuffix(procValue("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
