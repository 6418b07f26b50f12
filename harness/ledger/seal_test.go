package ledger

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// A writer that was killed has its open mappings in frames, and one that was
// killed as it wrote a mapping to its place has that in both.
func TestSealBringsFramesIn(t *testing.T) {
	j, path := create(t)
	const n = 3*mappingSlots + 7
	for i := range n {
		s, err := add(j, attempt(1, 0, uint32(i), 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if i/mappingSlots != 1 || i%2 == 0 {
			j.Finish(s, 1, OutcomeEffect)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("half a mapping that never came to its end"), mappingSlots*SlotSize+30); err != nil {
		t.Fatal(err)
	}
	before := read(t, path)
	sealed, err := Seal(path)
	if err != nil || sealed.Slots != n || sealed.Torn != 0 {
		t.Fatalf("sealed %+v, %v; want %d slots, none torn", sealed, err, n)
	}
	if _, err := os.Stat(path + framesExt); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the frame file is still there (%v)", err)
	}
	after := read(t, path)
	if len(after) != n || !slices.Equal(before, after) {
		t.Fatalf("%d slots before, %d after, and not the same", len(before), len(after))
	}
	for i, s := range after {
		want := OutcomeEffect
		if i/mappingSlots == 1 && i%2 != 0 {
			want = OutcomeOpen
		}
		if s.seq != uint32(i) || s.Outcome() != want {
			t.Fatalf("slot %d: seq %d, %v, want %v", i, s.seq, s.Outcome(), want)
		}
	}
}

// A writer killed between reserving a slot and publishing it, and in the midst of
// one, leaves nothing that counts.
func TestSealCutsAndCountsWhatIsTorn(t *testing.T) {
	j, path := create(t)
	for i := range 5 {
		j.Append(attempt(1, 2, uint32(i), 0, 0).With(OutcomeEffect))
	}
	j.Close()
	raw, _ := os.ReadFile(path)
	clear(raw[2*SlotSize : 2*SlotSize+8])          // reserved, never published
	os.WriteFile(path, raw[:5*SlotSize+30], 0o644) // and a sixth that is not whole
	sealed, err := Seal(path)
	if err != nil || sealed.Slots != 5 || sealed.Torn != 2 {
		t.Errorf("sealed %+v, %v", sealed, err)
	}
	if got := len(read(t, path)); got != 4 {
		t.Errorf("%d slots read, want the 4 whole ones", got)
	}
}

func TestSealFindsEveryFlippedBit(t *testing.T) {
	for _, n := range []int{0, 1, blockSlots, blockSlots + 1, 3*blockSlots - 1} {
		j, path := create(t)
		for i := range n {
			j.Append(attempt(1, 2, uint32(i), int64(i), int64(i)).With(OutcomeEffect))
		}
		j.Close()
		first, err := Seal(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(read(t, path)); got != n {
			t.Fatalf("%d slots read, %d sealed", got, n)
		}
		if again, err := Seal(path); err != nil || again.Digest == "" || again.Digest != first.Digest {
			t.Fatalf("second seal: %v, digest %q after %q", err, again.Digest, first.Digest)
		}
		raw, _ := os.ReadFile(path)
		for range min(50, n*SlotSize) {
			bit := rand.IntN(n * SlotSize * 8)
			raw[bit/8] ^= 1 << (bit % 8)
			os.WriteFile(path, raw, 0o644)
			r, err := Open(path)
			if err == nil {
				err = r.Each(func(*Slot) {})
				r.Close()
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%d slots, bit %d flipped: %v, want %v", n, bit, err, ErrCorrupt)
			}
			raw[bit/8] ^= 1 << (bit % 8)
		}
	}
}
