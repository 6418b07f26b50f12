//go:build synctests

package bench_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	_ "github.com/stampede-bench/stampede/consumers"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/load"
)

// calm is the scenario of which the speed of the back end is told.
func calm(rate float64) harness.Scenario {
	return harness.Scenario{
		Name: "calm", Load: harness.Load{Pacer: load.Constant{Rate: rate, For: 60 * time.Second}, Keys: load.Uniform{N: 1000}},
		Service: load.Fixed(100 * time.Millisecond), Partitions: 12, Pods: 4, Workers: 50, Window: 500,
	}
}

func TestVirtualRun(t *testing.T) {
	began := time.Now()
	r, err := bench.Virtual(t, calm(100), "keyed", 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v in %v: %s %v %+v", r.Took, time.Since(began), r.Status, r.Reasons, r.Counts)
	if r.Status != harness.Pass {
		t.Error(r.Status)
	}
}

// BenchmarkVirtual is how many seconds of virtual time a second of real time
// makes, the whole harness included.
func BenchmarkVirtual(b *testing.B) {
	for _, rate := range []float64{20, 100, 1000} {
		b.Run(fmt.Sprintf("%v-per-s", rate), func(b *testing.B) {
			var virtual time.Duration
			before := cpu()
			for b.Loop() {
				// A bubble is a test's; this one has no test.
				r, err := bench.Virtual(new(testing.T), calm(rate), "keyed", 1)
				if err != nil {
					b.Fatal(err)
				}
				if r.Status != harness.Pass {
					b.Fatalf("%s: %v", r.Status, r.Reasons)
				}
				virtual += r.Took
			}
			b.ReportMetric(virtual.Seconds()/b.Elapsed().Seconds(), "virtual-s/s")
			b.ReportMetric((cpu()-before).Seconds()*1e3/virtual.Seconds(), "cpu-ms/virtual-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// cpu is the CPU time of this process so far.
func cpu() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
