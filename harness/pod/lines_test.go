package pod

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// testLines logs to a journal at path.
func testLines(t *testing.T, clock ledger.Clock) (l *lines, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal")
	j, err := ledger.CreateSmall(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return newLines(j, clock, 5), path
}

func readLines(t *testing.T, path string) []ledger.Line {
	t.Helper()
	all, err := ledger.ReadLines(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLineHasMessageAttributesAndError(t *testing.T) {
	l, path := testLines(t, ledger.NewClock())
	log := slog.New(lineHandler{lines: l})
	var none *stringError
	log.Debug("not kept")
	log.Info("plain")
	log.Warn("commit refused", "err", errors.New("UNKNOWN_MEMBER_ID"), "partition", 3)
	log.With("pod", 1).WithGroup("at").With("offset", 7).Error("lost\nall\x00 ", slog.Group("g", "a", 1), "err", none)
	log.Info(strings.Repeat("ä", 300))
	want := []string{"plain", "commit refused partition=3: UNKNOWN_MEMBER_ID", "lost all\x00 pod=1 at.offset=7 at.g.a=1: <nil>", strings.Repeat("ä", 198) + " ..."}
	got := readLines(t, path)
	for i, line := range got {
		if line.Owner != 5 || line.Dropped != 0 || i >= len(want) || line.Text != want[i] {
			t.Errorf("line %d of owner %d: %q, want %q", i, line.Owner, line.Text, want)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}

type stringError struct{ text string }

func (e *stringError) Error() string { return e.text }

// A line takes several slots, and workers append their attempts at the same time.
func TestLinesOfManyGoroutinesStayWhole(t *testing.T) {
	l, path := testLines(t, ledger.NewClock())
	l.room, l.most = 1<<30, 1<<30
	const writers, each = 8, 300
	text := func(w, i int) string { return strings.Repeat(fmt.Sprintf("%d.%d ", w, i), 20) }
	var all, attempts sync.WaitGroup
	var over atomic.Bool
	attempts.Go(func() {
		for !over.Load() {
			_ = l.journal.Append(ledger.NewSlot(ledger.KindAttempt, 5).With(ledger.OutcomeEffect))
		}
	})
	for w := range writers {
		all.Go(func() {
			for i := range each {
				l.write(text(w, i))
			}
		})
	}
	all.Wait()
	over.Store(true)
	attempts.Wait()
	next := map[int]int{}
	for _, line := range readLines(t, path) {
		var w, i int
		if _, err := fmt.Sscanf(line.Text, "%d.%d ", &w, &i); err != nil || line.Text != text(w, i) || i != next[w] {
			t.Fatalf("line %q, want number %d of %d (%v)", line.Text, next[w], w, err)
		}
		next[w]++
	}
	for w := range writers {
		if next[w] != each {
			t.Errorf("%d lines of goroutine %d, want %d", next[w], w, each)
		}
	}
}

func TestTooManyLinesAreDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, path := testLines(t, ledger.NewVirtualClock())
		const burst, later = 5000, 100
		for i := range burst {
			l.write(fmt.Sprint("line ", i))
		}
		killed := readLines(t, path) // as after a SIGKILL here
		kept := slices.IndexFunc(killed, func(line ledger.Line) bool { return line.Dropped > 0 })
		last := killed[len(killed)-1]
		if dropped := burst - kept; kept < 50 || kept*lineCost > lineBurst || int(last.Dropped) > dropped || 2*int(last.Dropped) < dropped || len(killed) > kept+20 {
			t.Errorf("%d lines kept, %d dropped, and %d slots of lines in the journal", kept, last.Dropped, len(killed))
		}
		time.Sleep(10 * time.Second)
		for i := range later {
			l.write(fmt.Sprint("later ", i))
		}
		l.sayDropped()
		all, texts := readLines(t, path), 0
		for _, line := range all {
			if line.Text != "" {
				texts++
			}
		}
		if last := all[len(all)-1]; int(last.Dropped)+texts != burst+later || texts <= kept || texts >= kept+later {
			t.Errorf("%d lines kept and %d dropped of %d", texts, last.Dropped, burst+later)
		}
	})
}
