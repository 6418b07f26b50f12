package oracle

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// TestHistories judges every history of testdata/oracle. A file has two parts.
// "history" is a line per fact, the time first where it has one:
//
//	claims at-least-once key cooperative
//	log p0 1/0 2/0 - 1/1          key/seq by offset, - for a gap
//	final p0 3
//	drain 5s
//	broken pods fed: pod-2 was expelled
//	10ms acked p0@0 1/0
//	0ms own p0 a gen=2 seen=30ms  a, b, ... are incarnations
//	0ms released p0 a
//	10ms start p0@0 a [1/7]       the record of the log, or another
//	20ms effect p0@0 a            or error, cancelled, open
//	30ms commit p0 1 a
//	40ms rewound p0 a             to the commit, or to an offset: rewound p0 a 3
//
// "verdicts" has "check: status count" for every check with a count or a status
// of its own; all others must have found nothing.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob("../../testdata/oracle/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d histories, %v", len(files), err)
	}
	proven := map[string]int{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range archive.Files {
				parts[f.Name] = string(f.Data)
			}
			h := newHistory()
			for _, line := range lines(parts["history"]) {
				if err := h.line(line); err != nil {
					t.Fatalf("line %q: %v", line, err)
				}
			}
			verdicts, err := Judge(h.facts, h.source())
			if err != nil {
				t.Fatal(err)
			}
			want := lines(parts["verdicts"])
			var got []string
			for _, v := range verdicts {
				if v.Count != 0 || v.Status != harness.Pass && v.Status != harness.Figure {
					got = append(got, fmt.Sprintf("%s: %s %d", v.Check, v.Status, v.Count))
				}
				if v.Status == harness.Fail {
					proven[v.Check]++
				}
				if v.Count > 0 && len(v.Examples) == 0 {
					t.Errorf("%s counts %d and shows none", v.Check, v.Count)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("verdicts\n got  %q\n want %q", got, want)
				for _, v := range verdicts {
					for _, a := range v.Examples {
						t.Logf("%s: %s", v.Check, a.Text)
					}
				}
			}
		})
	}
	for _, c := range Checks() {
		if proven[c] == 0 && c != "overload" {
			t.Errorf("no history makes the check %q fail", c)
		}
	}
}

func lines(s string) (out []string) {
	for _, l := range strings.Split(s, "\n") {
		l, _, _ = strings.Cut(l, "#")
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// history is a run being read from its text.
type history struct {
	facts  *Facts
	ids    map[ledger.Position][2]uint32
	events []ledger.Event
	open   map[string]ledger.Event
}

func newHistory() *history {
	return &history{
		facts: &Facts{
			Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Protocol: harness.Cooperative,
			Log: NewLog(), Session: 6 * time.Second, Commit: time.Second, DrainEnd: time.Minute,
			Owners: []string{"", "a", "b", "c", "d"}, Broken: map[string]string{},
		},
		ids: map[ledger.Position][2]uint32{}, open: map[string]ledger.Event{},
	}
}

func (h *history) line(line string) error {
	w := strings.Fields(line)
	switch w[0] {
	case "claims":
		h.facts.Delivery, h.facts.Order, h.facts.Protocol = harness.Delivery(w[1]), harness.Order(w[2]), harness.Protocol(w[3])
		return nil
	case "log":
		return h.log(w[1:])
	case "final":
		p, err := partition(w[1])
		for len(h.facts.Final) <= int(p) {
			h.facts.Final = append(h.facts.Final, 0)
		}
		h.facts.Final[p], _ = strconv.ParseInt(w[2], 10, 64)
		return err
	case "drain":
		d, err := time.ParseDuration(w[1])
		h.facts.DrainEnd = d
		return err
	case "broken":
		name, why, _ := strings.Cut(strings.Join(w[1:], " "), ": ")
		if !slices.Contains(Assumptions, name) {
			return fmt.Errorf("no assumption %q", name)
		}
		h.facts.Broken[name] = why
		return nil
	case "unobserved":
		h.facts.Unobserved = append(h.facts.Unobserved, strings.Join(w[1:], " "))
		return nil
	}
	at, err := time.ParseDuration(w[0])
	if err != nil {
		return err
	}
	return h.event(at, w[1:])
}

func partition(s string) (int32, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "p"))
	return int32(n), err
}

func (h *history) log(w []string) error {
	p, err := partition(w[0])
	h.facts.Partitions = max(h.facts.Partitions, int(p)+1)
	for offset, id := range w[1:] {
		if id == "-" {
			continue
		}
		pos := ledger.Position{Partition: p, Offset: int64(offset)}
		var r [2]uint32
		if _, err := fmt.Sscanf(id, "%d/%d", &r[0], &r[1]); err != nil {
			return err
		}
		h.ids[pos] = r
		h.facts.Log.Add(pos, r[0], r[1])
	}
	return err
}

func (h *history) event(at time.Duration, w []string) error {
	e := ledger.Event{At: at}
	place, offset, _ := strings.Cut(w[1], "@")
	p, err := partition(place)
	if err != nil {
		return err
	}
	e.Partition = p
	if offset != "" {
		if e.Offset, err = strconv.ParseInt(offset, 10, 64); err != nil {
			return err
		}
		e.Key, e.Seq = h.ids[e.Position()][0], h.ids[e.Position()][1]
	}
	for _, word := range w[2:] {
		if name, value, ok := strings.Cut(word, "="); ok {
			switch name {
			case "gen":
				n, _ := strconv.Atoi(value)
				e.Generation = int32(n)
			case "member":
				n, _ := strconv.Atoi(value)
				e.Member = uint64(n)
			case "seen":
				e.Seen, _ = time.ParseDuration(value)
			}
			continue
		}
		if k, s, ok := strings.Cut(word, "/"); ok {
			key, _ := strconv.Atoi(k)
			seq, _ := strconv.Atoi(s)
			e.Key, e.Seq = uint32(key), uint32(seq)
		} else if i := slices.Index(h.facts.Owners, word); i > 0 {
			e.Owner = ledger.Owner(i)
		} else if e.Offset, err = strconv.ParseInt(word, 10, 64); err != nil {
			return err
		}
	}
	e.Seen = max(e.Seen, at)
	id := fmt.Sprint(w[1], e.Owner)
	switch w[0] {
	case "own":
		e.Edge = ledger.EdgeOwned
	case "released":
		e.Edge = ledger.EdgeReleased
	case "rewound":
		if e.Edge = ledger.EdgeRewound; len(w) == 3 {
			e.Offset = -1
		}
	case "acked":
		e.Edge, e.Outcome = ledger.EdgeAcked, ledger.OutcomeAcked
	case "commit":
		e.Edge, e.Outcome = ledger.EdgeCommit, ledger.OutcomeConfirmed
	case "start":
		e.Edge, e.Start = ledger.EdgeStart, at
		h.open[id] = e
	default:
		outcome := map[string]ledger.Outcome{"effect": ledger.OutcomeEffect, "error": ledger.OutcomeError, "cancelled": ledger.OutcomeCancelled, "open": ledger.OutcomeOpen}
		o, ok := outcome[w[0]]
		began, open := h.open[id]
		if !ok || !open {
			return fmt.Errorf("unknown event, or one that never started")
		}
		e = began
		e.Edge, e.Outcome, e.At = ledger.EdgeEnd, o, at
	}
	h.events = append(h.events, e)
	return nil
}

// source replays the history in time order, as a stream does.
func (h *history) source() Source {
	slices.SortStableFunc(h.events, func(a, b ledger.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Edge, b.Edge))
	})
	return &replayed{h.events}
}

type replayed struct{ rest []ledger.Event }

// Next hands out a few events at a time, so that no check leans on batches.
func (r *replayed) Next() ([]ledger.Event, error) {
	n := min(3, len(r.rest))
	batch := r.rest[:n]
	r.rest = r.rest[n:]
	return batch, nil
}
