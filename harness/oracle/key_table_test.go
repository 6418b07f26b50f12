package oracle

import (
	"slices"
	"testing"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// TestMovedKeysAreJudgedByPartition: where partitions were added, the records of a key in each partition are judged
// as those of a key of their own. So a run in which each key lies in one partition has the same verdicts if the keys
// of all partitions are given the same names.
func TestMovedKeysAreJudgedByPartition(t *testing.T) {
	counted := 0
	for seed := range uint64(600) {
		w, _ := planting(seed)
		h := w.history()
		before, err := judge(h.facts, h.source())
		if err != nil {
			t.Fatal(err)
		}
		shareKeys(h)
		after, err := judge(h.facts, h.source())
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range before {
			if v.Check == CheckBlastRadius {
				continue // it names keys
			}
			if counted += int(v.Count); after[i].Count != v.Count {
				t.Fatalf("seed %d: %s counts %d, and %d with keys in several partitions\n%s", seed, v.Check, v.Count, after[i].Count, h)
			}
		}
	}
	if counted == 0 {
		t.Error("no check has counted anything")
	}
}

// shareKeys gives the keys of all partitions the same names, and keeps the identities apart by their seqs.
func shareKeys(h *history) {
	n := uint32(h.facts.Partitions)
	rename := func(key, seq uint32) (uint32, uint32) {
		if key == unknownIdentity {
			return key, seq
		}
		return key / n, seq*n + key%n
	}
	ids := map[ledger.Position][2]uint32{}
	for p, id := range h.ids {
		key, seq := rename(id[0], id[1])
		ids[p] = [2]uint32{key, seq}
	}
	h.ids, h.events = ids, slices.Clone(h.events)
	for i := range h.events {
		e := &h.events[i]
		e.Key, e.Seq = rename(e.Key, e.Seq)
	}
	facts := *h.facts
	facts.Added, facts.Log = 1, NewLog()
	facts.Log.MoveKeys()
	h.facts = &facts
}
