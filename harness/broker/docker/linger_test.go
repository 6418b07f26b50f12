package docker

import (
	"math"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestLingerGrowsWithTheRate(t *testing.T) {
	var b harness.Lingerer = new(backend)
	for rate, want := range map[float64]time.Duration{
		20: 25 * time.Millisecond, 500: 25 * time.Millisecond, 20_000: 50 * time.Millisecond, math.Inf(1): harness.DefaultLinger,
	} {
		if got := b.Linger(rate); got != want {
			t.Errorf("at %v/s: %v, want %v", rate, got, want)
		}
	}
}
