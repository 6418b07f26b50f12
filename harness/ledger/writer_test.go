package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/internal/allocs"
)

func TestWriterSealsWhatItWrote(t *testing.T) {
	for _, slots := range []int{0, 1, blockSlots - 1, blockSlots, 2*blockSlots + 7} {
		path := filepath.Join(t.TempDir(), "a.journal")
		w, err := NewWriter(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range slots {
			s := attempt(3, uint32(i), 0, int64(i), int64(i))
			if err := w.Append(s); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		all := read(t, path)
		if len(all) != slots {
			t.Fatalf("%d slots read, %d written", len(all), slots)
		}
		for i := range all {
			if all[i] != attempt(3, uint32(i), 0, int64(i), int64(i)) {
				t.Fatalf("slot %d of %d: %+v", i, slots, all[i])
			}
		}
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if r.sums == nil {
			t.Errorf("%d slots: not sealed", slots)
		}
		sealed, err := Seal(path)
		if err != nil || sealed.Digest == "" || sealed.Digest != r.Digest() {
			t.Errorf("%d slots: digest %q, sealed once more %q: %v", slots, r.Digest(), sealed.Digest, err)
		}
		r.Close()
	}
}

func TestWriterKeepsItsFirstError(t *testing.T) {
	w, err := NewWriter(filepath.Join(t.TempDir(), "a.journal"))
	if err != nil {
		t.Fatal(err)
	}
	w.file.Close() // as a disk that is gone
	s := attempt(1, 2, 3, 4, 5)
	for range 2 * blockSlots {
		err = w.Append(s)
	}
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("appended to a file that is gone: %v", err)
	}
	if err := w.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed well what could not be written: %v", err)
	}
}

func TestWriterAllocatesNothingARecord(t *testing.T) {
	w, err := NewWriter(filepath.Join(t.TempDir(), "a.journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := attempt(1, 2, 3, 4, 5)
	if n := allocs.PerRun(t, 10*blockSlots, func() {
		if err := w.Append(s); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func TestOlderFileIsRefusedByItsVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old")
	w, err := NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(NewSlot(KindUp, 1)), w.Close()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.ReplaceAll(raw, []byte(sealMagic), []byte("stampede ledger 0 sealed"))
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	const want = "the file is of version 0, this build reads version 1"
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}
