package group

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestWatermarkStopsBelowTheLowestOutstandingRecord(t *testing.T) {
	var w Watermark
	if _, ok := w.Offset(); ok {
		t.Fatal("something to commit before anything was taken")
	}
	offsets := []int64{7, 8, 11, 12, 20} // with gaps, as compaction leaves them
	for i, o := range offsets {
		if seq := w.Track(o, int32(i)); seq != uint64(i) {
			t.Fatalf("offset %d has number %d, want %d", o, seq, i)
		}
	}
	steps := []struct {
		seq   uint64
		freed int
		want  int64 // offset to commit, 0 for none
	}{{2, 0, 0}, {0, 1, 8}, {4, 0, 8}, {1, 2, 12}, {3, 2, 21}}
	for _, s := range steps {
		freed := w.Complete(s.seq)
		next, ok := w.Offset()
		if freed != s.freed || ok != (s.want > 0) || next.Offset != s.want {
			t.Fatalf("after %d: freed %d, commit %v %v; want %d, %d", s.seq, freed, next, ok, s.freed, s.want)
		}
	}
	if next, _ := w.Offset(); next.Epoch != 4 {
		t.Errorf("epoch %d is not that of the record committed", next.Epoch)
	}
	if w.Outstanding() != 0 {
		t.Errorf("%d records out of a finished watermark", w.Outstanding())
	}
}

func TestWatermarkGoesBackWithTheLog(t *testing.T) {
	var w Watermark
	w.Complete(w.Track(100, 1))
	w.Complete(w.Track(40, 2)) // the log was cut at 40 and the client went back
	if next, _ := w.Offset(); next.Offset != 41 {
		t.Errorf("commit %d, want 41: what is now between 41 and 101 was never read", next.Offset)
	}
}

// A model with a plain set says at each step what the watermark must be.
func TestWatermarkAgainstModel(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		var w Watermark
		var offsets []int64
		var open []uint64
		finished := map[uint64]bool{}
		offset := int64(0)
		for range 2000 {
			if len(open) == 0 || r.IntN(5) < 2 && len(open) < 300 {
				offset += 1 + int64(r.IntN(2))*int64(r.IntN(5))
				open = append(open, w.Track(offset, 0))
				offsets = append(offsets, offset)
			} else {
				i := r.IntN(len(open))
				finished[open[i]] = true
				w.Complete(open[i])
				open = slices.Delete(open, i, i+1)
			}
			low := 0
			for finished[uint64(low)] {
				low++
			}
			next, ok := w.Offset()
			if ok != (low > 0) || ok && next.Offset != offsets[low-1]+1 || w.Outstanding() != len(offsets)-low {
				t.Fatalf("seed %d: commit %v %v with %d out, the model has low %d of %d", seed, next, ok, w.Outstanding(), low, len(offsets))
			}
		}
	}
}
