package bench

import (
	"os"
	"runtime/debug"
	"testing"
)

// The garbage of 500 pods took 2.4 GiB before it was collected.
func TestProcessHasAMemoryLimit(t *testing.T) {
	if os.Getenv("GOMEMLIMIT") != "" {
		t.Skip("GOMEMLIMIT is set, and comes first")
	}
	if limit := debug.SetMemoryLimit(-1); limit != memoryLimit {
		t.Errorf("the limit is %d bytes, want %d", limit, int64(memoryLimit))
	}
}
