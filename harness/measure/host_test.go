package measure

import (
	"runtime"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

func TestHostShares(t *testing.T) {
	before := parseTicks([]byte("cpu  100 10 50 800 40 0 0 5 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	after := parseTicks([]byte("cpu  130 15 60 830 50 2 3 15 7 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	// 30 + 5 + 10 + 2 + 3 busy, 30 + 10 idle, 10 stolen
	if got, want := after.reportSince(before, 2), (harness.HostReport{CPUs: 2, Busy: .5, Steal: .1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := before.reportSince(after, 2), (harness.HostReport{CPUs: 2}); got != want {
		t.Errorf("counters that step back: got %+v, want %+v", got, want)
	}
}

func TestHostUnknownFormat(t *testing.T) {
	for _, s := range []string{"", "cpu 1 2 3\n", "cpu0 1 2 3 4 5 6 7 8\n", "cpu a b c d e f g h\n"} {
		if got := parseTicks([]byte(s)); got != (ticks{}) {
			t.Errorf("%q: got %+v, want zero", s, got)
		}
	}
}

func TestHost(t *testing.T) {
	if got := StartHost().Stop(); got.CPUs != runtime.NumCPU() || got.Busy < 0 || got.Busy > 1 {
		t.Errorf("got %+v", got)
	}
}
