package ledger

import (
	"math/rand/v2"
	"testing"
)

func TestOffsets(t *testing.T) {
	var o Offsets
	rng := rand.New(rand.NewPCG(5, 6))
	model := map[int64]bool{}
	for range 20000 {
		off := rng.Int64N(5000) + rng.Int64N(3)*2*pieceSize // pieces between have nothing
		switch rng.IntN(50) {
		case 0:
			off = rng.Int64()
		case 1:
			off = -off
		}
		if o.Has(off) != model[off] || o.Add(off) == model[off] || !o.Has(off) {
			t.Fatalf("offset %d: set and model differ", off)
		}
		model[off] = true
		from := rng.Int64N(5200) + rng.Int64N(3)*2*pieceSize
		lacks := from
		for model[lacks] {
			lacks++
		}
		if got := o.Lacks(from); got != lacks {
			t.Fatalf("from offset %d on the set lacks %d, want %d", from, got, lacks)
		}
	}
	if o.Len() != int64(len(model)) {
		t.Errorf("len %d, want %d", o.Len(), len(model))
	}
}
