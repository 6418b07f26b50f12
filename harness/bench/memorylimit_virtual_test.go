//go:build synctests

package bench_test

import (
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/load"
)

// The garbage of 500 pods took 2.4 GiB before it was collected.
func TestProcessOfVirtualRunsHasAMemoryLimit(t *testing.T) {
	if os.Getenv("GOMEMLIMIT") != "" {
		t.Skip("GOMEMLIMIT is set, and comes first")
	}
	s := calm(100)
	s.Load.Pacer = load.Constant{Rate: 100, For: time.Second}
	if _, err := bench.RunVirtual(t, s, "keyed", 1); err != nil {
		t.Fatal(err)
	}
	const want = 3 << 29
	if limit := debug.SetMemoryLimit(-1); limit != want {
		t.Errorf("the limit is %d bytes, want %d", limit, int64(want))
	}
}
