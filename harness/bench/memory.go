package bench

import (
	"fmt"
	"testing"

	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/internal/control"
)

// memorySizes are the numbers of records that [Memory] runs with.
var memorySizes = []uint64{1_000_000, 5_000_000, 20_000_000}

// Memory measures the memory of a run: [Pipeline] at several sizes, each with the
// peak resident memory of this process, embedded brokers included, and of its pod.
// The judge's log grows by two bytes a record, what pods have seen by four, and the sets
// of offsets by a few bits.
// Linux only.
func Memory(b *testing.B) {
	lock.Hold(b)
	for _, records := range memorySizes {
		b.Run(fmt.Sprintf("records=%dM", records/1_000_000), func(b *testing.B) {
			if err := control.ResetPeakMemory(); err != nil {
				b.Skip("cannot reset the peak memory of a process here: ", err)
			}
			for b.Loop() {
				o, err := pipeline{"embedded", records}.runStampede(b.Context(), engine.FinalReadUnproven)
				if err != nil {
					b.Fatal(err)
				}
				peak, err := control.PeakMemory()
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(peak)/(1<<20), "harness-MiB")
				b.ReportMetric(float64(o.Run.Pods[0].MaxRSS)/(1<<20), "pod-MiB")
			}
		})
	}
}
