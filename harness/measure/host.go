package measure

import (
	"bytes"
	"os"
	"runtime"
	"strconv"

	"github.com/stampede-bench/stampede/harness"
)

// Host measures how busy the host is between two moments, from the counters of
// /proc/stat. It holds nothing open.
type Host struct {
	read   func() ([]byte, error)
	before ticks
}

// StartHost takes the first reading.
func StartHost() *Host {
	return StartHostFrom(func() ([]byte, error) { return os.ReadFile("/proc/stat") })
}

// StartHostFrom takes the first reading from a text in the form of /proc/stat.
func StartHostFrom(read func() ([]byte, error)) *Host { return &Host{read, readTicks(read)} }

// Stop takes the second reading and returns the shares since the first. Busy
// leaves out steal, the time that a hypervisor gave to others. Where the system
// has no such counters, the shares are 0.
func (h *Host) Stop() harness.HostReport {
	return readTicks(h.read).reportSince(h.before, runtime.NumCPU())
}

// ticks are counters of CPU time, in any unit, over all CPUs.
type ticks struct{ busy, idle, steal uint64 }

func readTicks(read func() ([]byte, error)) ticks {
	stat, err := read()
	if err != nil {
		return ticks{}
	}
	return parseTicks(stat)
}

// parseTicks reads the first line of /proc/stat (proc_stat(5)): user, nice,
// system, idle, iowait, irq, softirq, steal; what follows, guest time, is in
// user and nice already. Zero if it is not of that form.
//
// Time of niced work is busy time. Such work leaves a processor soon, but not at once, and it
// takes caches and memory from those who get the processor. And it may be our own: after nice make
// bench all brokers and pods are niced.
func parseTicks(stat []byte) ticks {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return ticks{}
	}
	var n [8]uint64
	for i := range n {
		v, err := strconv.ParseUint(string(fields[i+1]), 10, 64)
		if err != nil {
			return ticks{}
		}
		n[i] = v
	}
	return ticks{
		busy:  n[0] + n[1] + n[2] + n[5] + n[6],
		idle:  n[3] + n[4],
		steal: n[7],
	}
}

// reportSince is the report for the time between two readings. Counters of one kind
// may step back by a tick, iowait for one, which counts as no change.
func (t ticks) reportSince(before ticks, cpus int) harness.HostReport {
	report := harness.HostReport{CPUs: cpus}
	busy, idle, steal := rise(before.busy, t.busy), rise(before.idle, t.idle), rise(before.steal, t.steal)
	if total := busy + idle + steal; total > 0 {
		report.Busy, report.Steal = busy/total, steal/total
	}
	return report
}

func rise(from, to uint64) float64 {
	if to < from {
		return 0
	}
	return float64(to - from)
}
