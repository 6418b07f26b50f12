package ledger

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func create(t *testing.T) (*Journal, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.journal")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, path
}

func attempt(owner Owner, key, seq uint32, offset, start int64) Slot {
	s := NewSlot(KindAttempt, owner)
	s.key, s.seq, s.offset, s.start = key, seq, offset, start
	return s
}

// add appends a slot that is open.
func add(j *Journal, s Slot) (*Slot, error) {
	at, err := j.Reserve()
	if err != nil {
		return nil, err
	}
	kind, owner := s.Kind(), s.Owner()
	s.state = 0
	*at = s
	j.Publish(at, kind, owner, 0)
	return at, nil
}

func read(t *testing.T, path string) (all []Slot) {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Each(func(s *Slot) { all = append(all, *s) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestJournalKeepsEverySlotOfManyWriters(t *testing.T) {
	j, path := create(t)
	const writers, each = 8, 3 * mappingSlots / 8
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				s, err := add(j, attempt(7, uint32(w), uint32(i), int64(i), int64(i)))
				if err != nil {
					t.Error(err)
					return
				}
				if i%10 != 0 {
					j.Finish(s, int64(i)+5, OutcomeEffect)
				}
			}
		})
	}
	wg.Wait()
	next := map[uint32]uint32{}
	for _, s := range read(t, path) { // read with the mappings still mapped, as after a SIGKILL
		if s.seq != next[s.key] || s.Owner() != 7 || s.Kind() != KindAttempt {
			t.Fatalf("writer %d: seq %d of owner %d, want seq %d of owner 7", s.key, s.seq, s.Owner(), next[s.key])
		}
		next[s.key]++
		want, end := OutcomeEffect, int64(s.seq)+5
		if s.seq%10 == 0 {
			want, end = OutcomeOpen, 0
		}
		if s.Outcome() != want || s.end != end {
			t.Fatalf("seq %d: %v at %d, want %v at %d", s.seq, s.Outcome(), s.end, want, end)
		}
	}
	for w := range uint32(writers) {
		if next[w] != each {
			t.Errorf("writer %d: %d slots read, %d written", w, next[w], each)
		}
	}
}

func TestJournalUsesFramesAgain(t *testing.T) {
	j, path := create(t)
	stuck, err := add(j, attempt(1, 0, 0, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	const n = 5*mappingSlots + 1
	for i := range n - 1 {
		if err := j.Append(attempt(1, 0, uint32(i+1), 0, 0).With(OutcomeEffect)); err != nil {
			t.Fatal(err)
		}
	}
	if j.frames.n != 2 {
		t.Errorf("%d frames, want that of the open slot and one that moves on", j.frames.n)
	}
	if got := len(j.mappings.Load().list); got != 6 {
		t.Errorf("%d mappings from the first in use on, want 6", got)
	}
	j.Finish(stuck, 1, OutcomeEffect)
	if got := j.mappings.Load(); got.first != 5 || len(got.list) != 1 {
		t.Errorf("mappings %d to %d are in use, want the last alone", got.first, got.first+int64(len(got.list))-1)
	}
	for i, s := range read(t, path) {
		if s.seq != uint32(i) {
			t.Fatalf("slot %d is that of seq %d", i, s.seq)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(read(t, path)); got != n {
		t.Errorf("%d slots after the end, want %d", got, n)
	}
	if _, err := os.Stat(path + framesExt); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the frame file is still there (%v)", err)
	}
}

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

func TestSmallJournalKeepsEverySlot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.journal")
	j, err := CreateSmall(path)
	if err != nil {
		t.Fatal(err)
	}
	const n = allocSmall + 1<<smallShift
	for i := range n {
		if err := j.Append(attempt(1, 0, uint32(i), 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	all := read(t, path)
	if len(all) != n {
		t.Fatalf("%d slots read, %d written", len(all), n)
	}
	for i := range all {
		if all[i].seq != uint32(i) {
			t.Fatalf("slot %d is the %d. written", i, all[i].seq)
		}
	}
}

func TestJournalAfterClose(t *testing.T) {
	j, _ := create(t)
	for range mappingSlots {
		j.Append(attempt(1, 0, 0, 0, 0))
	}
	j.Close()
	if _, err := add(j, attempt(1, 0, 0, 0, 0)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Reserve after Close: %v, want %v", err, os.ErrClosed)
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

func TestTailSeesEachFinishedSlotOnce(t *testing.T) {
	j, path := create(t)
	tail, err := Follow(path)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	var open []*Slot
	seen, finished := map[uint32]int{}, 0
	for i := range 5 * blockSlots {
		s, _ := add(j, attempt(1, 0, uint32(i), 0, 0))
		open = append(open, s)
		for len(open) > 0 && rng.IntN(3) > 0 {
			k := rng.IntN(len(open))
			j.Finish(open[k], 1, OutcomeEffect)
			open[k] = open[len(open)-1]
			open = open[:len(open)-1]
			finished++
		}
		if i%97 == 0 {
			n, err := tail.Poll(func(s *Slot) { seen[s.seq]++ })
			if err != nil || n != len(open) || len(seen) != finished {
				t.Fatalf("after %d: %d open and %d finished seen (%v), want %d and %d", i, n, len(seen), err, len(open), finished)
			}
		}
	}
	for seq, n := range seen {
		if n != 1 {
			t.Errorf("seq %d seen %d times", seq, n)
		}
	}
}

// A tail sees no slot half written and no slot twice, whatever frames the
// mappings move through while it reads.
func TestTailWhileTheWriterWrites(t *testing.T) {
	j, path := create(t)
	tail, err := Follow(path)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	const writers, each = 4, 20_000
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				s, err := add(j, attempt(7, uint32(w+1), uint32(i), int64(i)+1, 3))
				if err != nil {
					t.Error(err)
					return
				}
				j.Finish(s, 5, OutcomeEffect)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	seen := map[[2]uint32]bool{}
	poll := func() {
		_, err := tail.Poll(func(s *Slot) {
			id := [2]uint32{s.key, s.seq}
			if s.key == 0 || s.offset != int64(s.seq)+1 || s.start != 3 || s.end != 5 || seen[id] {
				t.Errorf("slot %+v, seen before: %v", *s, seen[id])
			}
			seen[id] = true
		})
		if err != nil {
			t.Error(err)
		}
	}
	for !t.Failed() {
		select {
		case <-done:
			poll()
			if len(seen) != writers*each {
				t.Errorf("%d slots seen, %d written", len(seen), writers*each)
			}
			return
		default:
			poll()
		}
	}
	wg.Wait()
}

func TestIdentityRoundTripAndDamage(t *testing.T) {
	id := Identity{Run: 1 << 60, Key: 4, Seq: 5, Due: -6, Sent: 7}
	v := make([]byte, IdentitySize+9)
	copy(v[IdentitySize:], "some body")
	id.Encode(v)
	if got, err := DecodeIdentity(v); err != nil || got != id {
		t.Fatalf("got %+v, %v, want %+v", got, err, id)
	}
	for bit := range len(v) * 8 {
		v[bit/8] ^= 1 << (bit % 8)
		got, err := DecodeIdentity(v)
		if err == nil {
			t.Errorf("bit %d flipped and not found", bit)
		}
		if bit/8 >= IdentitySize && (got != id || !errors.Is(err, ErrChecksum)) {
			t.Errorf("bit %d of the body flipped: %+v, %v, want %+v all the same", bit, got, err, id)
		}
		v[bit/8] ^= 1 << (bit % 8)
	}
	if _, err := DecodeIdentity(v[:IdentitySize-1]); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("short value: %v", err)
	}
}

func TestTextBehindASlot(t *testing.T) {
	for _, text := range []string{"", "x", strings.Repeat("0123456789", 4), strings.Repeat("é", 50)} {
		slots := Text(text)
		if want := (len(text) + 39) / 40; len(slots) != want {
			t.Errorf("%d bytes take %d slots, want %d", len(text), len(slots), want)
		}
		var got []byte
		for i := range slots {
			got = slots[i].AppendText(got)
			if m := slots[i].momentsOf(0, 0); m[0].kind != 0 || slots[i].Kind() != KindText {
				t.Errorf("a text has the moment %v", m[0].kind)
			}
		}
		if string(got) != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

func TestStreamOrdersEverySource(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var files []File
	want := 0
	for owner := range Owner(3) {
		path := filepath.Join(t.TempDir(), "s.journal")
		j, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		now := int64(1000)
		for i := range 4 * blockSlots {
			now += rng.Int64N(20)
			s := attempt(owner, uint32(owner), uint32(i), int64(i/2), now-rng.Int64N(50)) // starts a little out of order
			at, _ := add(j, s)
			want++
			if i%100 != 0 {
				j.Finish(at, s.start+rng.Int64N(5000), OutcomeEffect)
			}
			want++
		}
		j.Close()
		files = append(files, File{Path: path, Reaped: 1 << 20})
	}
	s, err := NewStream(1000, files...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var last Event
	started := map[[2]uint32]bool{}
	got := 0
	for {
		events, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			got++
			if (e.At < last.At || e.At == last.At && e.Kind < last.Kind) && e.Start != e.At {
				t.Fatalf("%v at %v after %v at %v", e.Kind, e.At, last.Kind, last.At)
			}
			last = e
			id := [2]uint32{e.Key, e.Seq}
			switch e.Kind {
			case EventStart:
				started[id] = true
			case EventEnd:
				if !started[id] {
					t.Fatalf("%v ended before it started", id)
				}
				if e.Outcome == OutcomeOpen && e.At != 1<<20-1000 {
					t.Fatalf("open attempt ends at %v, want the reaping", e.At)
				}
			}
		}
	}
	if got != want {
		t.Errorf("%d events, want %d", got, want)
	}
}

func TestClocksOfOneHostAgree(t *testing.T) {
	a, b := NewClock(), NewClock()
	x := a.Now()
	y := b.Now()
	z := a.Now()
	const slack = int64(time.Millisecond) // a preemption inside NewClock
	if y < x-slack || y > z+slack {
		t.Errorf("clocks disagree: %d is not within %d..%d", y, x, z)
	}
}

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

func BenchmarkJournal(b *testing.B) {
	j, err := Create(filepath.Join(b.TempDir(), "b.journal"))
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s, err := add(j, attempt(1, 2, 3, 4, 5))
			if err != nil {
				b.Fatal(err)
			}
			j.Finish(s, 6, OutcomeEffect)
		}
	})
}
