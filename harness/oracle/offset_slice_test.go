package oracle

import (
	"math/rand/v2"
	"testing"
)

// TestOffsetSliceKeepsValuesByOffset compares random reads and writes with a map.
func TestOffsetSliceKeepsValuesByOffset(t *testing.T) {
	var c offsetSlice[uint16]
	r := rand.New(rand.NewPCG(1, 2))
	model := map[int64]uint16{}
	end := int64(0)
	for range 20_000 {
		at := r.Int64N(20 * pieceSize)
		if got := c.valueAt(at); got != model[at] || c.end != end {
			t.Fatalf("offset %d: %d up to %d, want %d up to %d", at, got, c.end, model[at], end)
		}
		model[at]++
		*c.placeAt(at)++
		end = max(end, at+1)
	}
	if c.valueAt(-1) != 0 || c.valueAt(end) != 0 {
		t.Error("values outside are not zero")
	}
}
