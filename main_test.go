package stampede

import (
	"testing"

	_ "github.com/stampede-bench/stampede/consumers"
	"github.com/stampede-bench/stampede/harness/bench"
	_ "github.com/stampede-bench/stampede/harness/broker/docker"
	_ "github.com/stampede-bench/stampede/harness/broker/embedded"
	_ "github.com/stampede-bench/stampede/scenarios"
)

func TestMain(m *testing.M) { bench.Main(m) }

// TestCompare runs consumers against scenarios; see make help for the flags. With
// none it is a smoke test of a few seconds per consumer.
func TestCompare(t *testing.T) { bench.Compare(t, bench.Smoke{}) }

// BenchmarkPipeline is Stampede's own speed beside that of the bare client.
func BenchmarkPipeline(b *testing.B) { bench.Pipeline(b) }

// BenchmarkMemory is what runs of 1, 5 and 20 million records hold in memory.
func BenchmarkMemory(b *testing.B) { bench.Memory(b) }
