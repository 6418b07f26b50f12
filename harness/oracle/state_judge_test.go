package oracle

import (
	"reflect"
	"testing"
)

// TestSameFactsGiveTheSameVerdicts: a judgement changes no facts, so a second one finds the same.
func TestSameFactsGiveTheSameVerdicts(t *testing.T) {
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
