package bench

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stampede-bench/stampede/harness/lock"
)

// memorySizes are the numbers of records that [Memory] runs with.
var memorySizes = []uint64{1_000_000, 5_000_000, 20_000_000}

// Memory is a benchmark of what a run holds in memory: the pipeline of [Pipeline]
// at several sizes, each with the peak of the resident memory of this process,
// embedded brokers included, and of its pod. What grows with the records is the
// final read, two bytes a record, and the sets of offsets, a few bits. Linux only.
func Memory(b *testing.B) {
	lock.Hold(b)
	for _, records := range memorySizes {
		b.Run(fmt.Sprintf("records=%dM", records/1_000_000), func(b *testing.B) {
			if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the peak begins anew
				b.Skip("the peak of a process's memory cannot be reset here: ", err)
			}
			for b.Loop() {
				o, err := runStampede(b.Context(), records)
				if err != nil {
					b.Fatal(err)
				}
				peak, err := peakMemory()
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(peak)/(1<<20), "harness-MiB")
				b.ReportMetric(float64(o.Run.Pods[0].MaxRSS)/(1<<20), "pod-MiB")
			}
		})
	}
}

// peakMemory is VmHWM of this process in bytes.
func peakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kib int64
	if _, err := fmt.Sscan(string(rest), &kib); err != nil {
		return 0, fmt.Errorf("read VmHWM: %w", err)
	}
	return kib << 10, nil
}
