package oracle

import (
	"reflect"
	"testing"
)

// TestJudgedTwice: what checks keep is of one judgement; the facts stay as they are.
func TestJudgedTwice(t *testing.T) {
	for seed := range uint64(200) {
		w, p := planting(seed)
		h := w.history()
		first, err := judge(h.facts, h.source())
		if err != nil {
			t.Fatal(err)
		}
		again, err := judge(h.facts, &replayed{rest: h.sorted()})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(first, again) {
			t.Fatalf("seed %d, planted %q: verdicts\n first %+v\n then  %+v", seed, p.kind, first, again)
		}
	}
}
