package stampede

import (
	"testing"

	_ "github.com/stampede-bench/stampede/consumers"
	"github.com/stampede-bench/stampede/harness/bench"
	_ "github.com/stampede-bench/stampede/harness/broker/embedded"
	_ "github.com/stampede-bench/stampede/scenarios"
)

func TestMain(m *testing.M) { bench.Main(m) }

// TestCompare runs consumers in scenarios; make help lists the flags. Without flags
// it is a smoke test of a few seconds for each consumer.
func TestCompare(t *testing.T) { bench.Compare(t, bench.Smoke{}) }

// TestCapacity searches how much consumers carry; make help lists the flags.
func TestCapacity(t *testing.T) { bench.Capacity(t) }

// TestPlan plans how many pods each design needs for a load; make help lists the flags.
func TestPlan(t *testing.T) { bench.Plan(t) }

// BenchmarkPipeline compares Stampede's own speed with that of plain franz-go clients.
func BenchmarkPipeline(b *testing.B) { bench.Pipeline(b) }

// BenchmarkMemory measures peak memory of runs with 1, 5 and 20 million records.
func BenchmarkMemory(b *testing.B) { bench.Memory(b) }
