package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
)

const (
	// maxRate is higher than the rate of the fastest producer.
	maxRate = 1_000_000
	// recordOverhead is about how many bytes a broker in memory needs for a record in
	// addition to its value.
	recordOverhead = 100
)

// checkLimits refuses an empty list of names, and pods or a load that do not fit into
// this machine's memory, 0 if that is unknown.
func (o *options) checkLimits(m *matrix, memory uint64) error {
	for _, name := range []string{"scenario", "consumer"} {
		if slices.Contains(o.given, "-"+name+"=") {
			return fmt.Errorf("-%s= is empty: leave it out for the default, or see -scenarios", name)
		}
	}
	if memory == 0 {
		return nil
	}
	if err := m.checkPodMemory(memory); err != nil {
		return err
	}
	return m.checkLoadMemory(memory)
}

// checkPodMemory refuses pods that need more than half of the memory.
func (m *matrix) checkPodMemory(memory uint64) error {
	for i := range m.scenarios {
		s := &m.scenarios[i]
		for _, c := range m.consumersBy[s.Name] {
			need, err := engine.PodMemory(s, c, harness.IsVirtual(m.backend))
			if err != nil {
				return err
			}
			if room := float64(memory) / 2; need > room {
				return fmt.Errorf("scenario %s, consumer %s: its %s need %.1f GiB, and this machine has %.1f GiB for pods: lower PODS, WORKERS or WINDOW",
					s.Name, c.Name(), plural(s.Pods+s.Spare, "pod"), need/(1<<30), room/(1<<30))
			}
		}
	}
	return nil
}

// checkLoadMemory refuses a load that a broker in memory cannot keep in half of the
// memory: pods, clients and the final read need memory too.
func (m *matrix) checkLoadMemory(memory uint64) error {
	d, ok := m.backend.(harness.Describer)
	if !ok || !d.Modelled() {
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
