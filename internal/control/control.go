// Package control measures how fast the machine is while a benchmark runs. Times in units of its
// loop compare between days and machines; nanoseconds do not.
package control

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness/measure"
)

// loopSteps make the loop take a few tenths of a second.
const loopSteps = 300_000_000

// Loop returns the CPU time of a loop of fixed length, which touches no memory. Nothing else may
// run in this process meanwhile. Call it before and after what is measured, and take the mean.
func Loop() time.Duration {
	before, x := measure.CPU(), uint64(1)
	for range loopSteps {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	if x == 0 { // never: the result is used, so the loop stays
		panic(x)
	}
	return measure.CPU() - before
}

// ResetPeakMemory lets [PeakMemory] count from now on. Linux only.
func ResetPeakMemory() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// PeakMemory returns the peak resident memory of this process in bytes. Linux only.
func PeakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0, fmt.Errorf("read VmHWM: %w", err)
	}
	return kib << 10, nil
}
