package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A whole journal is read in order, up to the first error of a block or of the one who reads.
func TestBlocksAreReadInOrderUntilAnError(t *testing.T) {
	const blocks = 3 * blocksAhead
	path := filepath.Join(t.TempDir(), "a.journal")
	w, err := NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range blocks * blockSlots {
		if err := w.Append(attempt(1, 2, uint32(i), 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	readTo := func(last int, stop error) (n int, err error) {
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		err = r.eachBlock(func(slots []Slot) error {
			for i := range slots {
				if slots[i].Seq() != uint32(n*blockSlots+i) {
					t.Fatalf("slot %d of block %d is number %d", i, n, slots[i].Seq())
				}
			}
			if n++; n == last {
				return stop
			}
			return nil
		})
		return n, err
	}
	if n, err := readTo(0, nil); n != blocks || err != nil {
		t.Errorf("%d of %d blocks, %v", n, blocks, err)
	}
	stop := errors.New("stop")
	for _, last := range []int{1, blocksAhead, blocks} {
		if n, err := readTo(last, stop); n != last || err != stop {
			t.Errorf("stopped at block %d: %d blocks, %v", last, n, err)
		}
	}
	flip(t, path, 7*blockSize)
	if n, err := readTo(0, nil); n != 7 || !errors.Is(err, ErrCorrupt) {
		t.Errorf("block 7 is damaged: %d blocks, %v", n, err)
	}
}

// flip changes a byte of a file.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}
