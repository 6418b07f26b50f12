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
	// maxRate is above what one producer sends.
	maxRate = 1_000_000
	// recordOverhead is about what a broker in memory holds of a record beside its value.
	recordOverhead = 100
)

// checkLimits refuses what would be found out late: a flag that was meant to name something,
// and a load that a broker in this machine's memory has no room for. That is half of
// it, since pods, clients and the final read want some too.
func (o *options) checkLimits(m *matrix, memory uint64) error {
	for _, name := range []string{"scenario", "consumer"} {
		if slices.Contains(o.given, "-"+name+"=") {
			return fmt.Errorf("-%s= names none: leave it out for the default, or see -scenarios", name)
		}
	}
	d, ok := m.backend.(harness.Describer)
	if !ok || !d.Modelled() || memory == 0 {
		return nil
	}
	for _, s := range m.scenarios {
		records, _, _ := load.Extent(s.Load.Pacer)
		if need, room := float64(records)*float64(s.Load.Payload+recordOverhead), float64(memory)/2; need > room {
			return fmt.Errorf("scenario %s: %d records of %d bytes take %.1f GiB, and the broker keeps them in memory, of which it may have %.1f GiB: a lower RATE, DURATION or PAYLOAD",
				s.Name, records, s.Load.Payload, need/(1<<30), room/(1<<30))
		}
	}
	return nil
}

// machineMemory is the machine's memory in bytes, 0 where it is not known.
func machineMemory() uint64 {
	kib, err := strconv.ParseUint(strings.TrimSuffix(procValue("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
