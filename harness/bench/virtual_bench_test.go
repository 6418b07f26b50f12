//go:build synctests

package bench_test

import (
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/internal/control"
)

// fleet is many pods on twice as many partitions, of which most have nothing to do.
func fleet(pods int, rate float64) harness.Scenario {
	return harness.Scenario{
		Name: "fleet", Load: harness.Load{Pacer: load.Constant{Rate: rate, For: 20 * time.Second}, Keys: load.Uniform{N: 10_000}},
		Service: load.LogNormal{Average: 2 * time.Millisecond, P99: 10 * time.Millisecond}, Partitions: 2 * pods, Pods: pods, Warmup: 2 * time.Second,
	}
}

// BenchmarkVirtual measures virtual seconds per real second, the whole harness included, and the
// peak memory. A loop of fixed length measures how fast the machine is at that time.
func BenchmarkVirtual(b *testing.B) {
	for _, rate := range []float64{20, 100, 1000} {
		b.Run(fmt.Sprintf("calm/%v-per-s", rate), func(b *testing.B) { measureVirtual(b, calm(rate)) })
	}
	for _, f := range []struct {
		pods int
		rate float64
	}{{5, 100}, {5, 1000}, {50, 1000}, {500, 1000}} {
		b.Run(fmt.Sprintf("pods=%d/%v-per-s", f.pods, f.rate), func(b *testing.B) { measureVirtual(b, fleet(f.pods, f.rate)) })
	}
}

func measureVirtual(b *testing.B, s harness.Scenario) {
	debug.FreeOSMemory()
	if err := control.ResetPeakMemory(); err != nil {
		b.Skip("cannot reset the peak memory of a process here: ", err)
	}
	var virtual, used, loops time.Duration
	for b.Loop() {
		b.StopTimer()
		before := control.Loop()
		b.StartTimer()
		began := measure.CPU()
		// A bubble needs a test; a benchmark has none.
		r, err := bench.RunVirtual(new(testing.T), s, "keyed", 1)
		if err != nil {
			b.Fatal(err)
		}
		if r.Status != harness.Pass {
			b.Fatalf("%s: %v", r.Status, r.Reasons)
		}
		virtual += r.Took
		used += measure.CPU() - began
		b.StopTimer()
		loops += (before + control.Loop()) / 2
		b.StartTimer()
	}
	peak, err := control.PeakMemory()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(virtual.Seconds()/b.Elapsed().Seconds(), "virtual-s/s")
	b.ReportMetric(used.Seconds()*1e3/virtual.Seconds(), "cpu-ms/virtual-s")
	b.ReportMetric(virtual.Seconds()*loops.Seconds()/used.Seconds()/float64(b.N), "virtual-s/loop")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
	b.ReportMetric(0, "ns/op")
}
