// Package allocs counts allocations in tests. It exists because code allocates more
// under the race detector, where such a test would fail without a fault.
package allocs

import "testing"

// PerRun returns how often a call of the function allocates, on average. It skips the
// test under the race detector.
func PerRun(t testing.TB, runs int, call func()) float64 {
	t.Helper()
	if raceDetector {
		t.Skip("counts allocations: the race detector adds its own")
	}
	return testing.AllocsPerRun(runs, call)
}
