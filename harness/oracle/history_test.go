package oracle

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// TestHistories judges every history of testdata/oracle. A file is named by the check that it is about. Its
// verdicts are written by hand from the definitions: no simulation and no reference stands behind them. It has
// two parts. "history" is a line per fact, the time first if it has one:
//
//	claims at-least-once key cooperative   - for a claim that the consumer does not make
//	log p0 1/0 2/0 - 1/1          key/seq by offset, - for a gap
//	final p0 3
//	drain 5s
//	interval 1s                   between commits
//	broken no pod starved: pod-2 was expelled
//	unobserved premature commit   a check whose events the back end does not see
//	threshold starved 2s          or others 100ms
//	aggressors 1 2                the keys that the scenario makes hot
//	side retry-1 retry            a side topic and its role; its partitions are retry-1/p0 and so on
//	log retry-1/p0 1/0 2/0        copies; the same for final and all places below
//	parallelism 4                 attempts at once in an incarnation, as declared
//	buffering 4                   records fetched and not finished in an incarnation, as declared
//	dead-letters 2 cancelled      the declared policy: failed attempts, and whether a cancelled one is enough
//	added 1                       so many of the last partitions were added, and keys have moved
//	effects output                effects are counted in the output topic
//	share lock=30s deliveries=5 [volatile]   a share group, whose broker may forget deliveries
//	10ms acked p0@0 1/0           sent=5ms
//	0ms own p0 a gen=2 seen=30ms  a, b, ... q are incarnations
//	0ms released p0 a
//	10ms start p0@0 a [1/7]       the record of the log, or another; due=5ms
//	20ms effect p0@0 a            or error, cancelled, open, poison
//	25ms effect p0@0 a since=15ms the end of another attempt of the owner on the record than the oldest
//	30ms commit p0 1 a
//	40ms rewound p0 a             to the commit, or to an offset: rewound p0 a 3
//	40ms rewound p0 a answer=3    the commit that it got; -1: there was none
//	45ms reset p0 a 7 latest      where a member without a valid offset goes on; latest: at the end of the log
//	45ms fetched p0 a 7           a asks for the records from offset 7 on
//	45ms trimmed p0 7             the records below 7 were deleted
//	45ms expired                  the run's group lost its commits
//	50ms copied retry-1/p0@0      a copy was appended
//	50ms deferred p0@3 to=7 at=0 ranges   offsets 3 to 6 were deferred, by the record ranges/p0@0
//	60ms acquired p0@0 to=2 a count=1
//	60ms ack p0@0 a accept        or release, reject, renew, gap
//	70ms expelled a seen=90ms     also up, down; the heartbeat is 1 s, the session 6 s
//	70ms inject a fault=1         a fault that affects a, until its heal
//
// Words after a place may also be gen=2, member=1, group=3 (one of the consumer's own), count=2 (deliveries),
// call=1 (of an attempt, for several records), txn and corrupt (flags), failed and unknown (of a commit or an
// acknowledgement).
//
// "verdicts" has "check: status count" for every check with a count, or with a status other than pass and not
// judged.
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
			verdicts, err := judge(h.facts, h.source())
			if err != nil {
				t.Fatal(err)
			}
			want := lines(parts["verdicts"])
			var got []string
			for _, v := range verdicts {
				if v.Count != 0 || v.Status != harness.Pass && v.Status != harness.NotJudged {
					got = append(got, fmt.Sprintf("%s: %s %d", v.Check, v.Status, v.Count))
				}
				if v.Status == harness.Fail || v.Status == harness.NotJudged && v.Count > 0 {
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
	for _, e := range judgedEntries() {
		if proven[e.name] == 0 {
			t.Errorf("no history makes the check %q fail, or count if it is not judged: add one to testdata/oracle", e.name)
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

// judge is [Judge] with the assumptions as the facts have them.
func judge(f *Facts, src Source, observers ...Observer) ([]harness.Verdict, error) {
	found, err := Judge(f, src, observers...)
	if err != nil {
		return nil, err
	}
	return found.Settle(f.Broken), nil
}

// source replays the history in time order, as a stream does.
func (h *history) source() Source {
	h.addLog()
	return &replayed{rest: h.sorted()}
}

func (h *history) sorted() []ledger.Event {
	slices.SortStableFunc(h.events, func(a, b ledger.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind))
	})
	return h.events
}

type replayed struct {
	rest  []ledger.Event
	calls int
}

// Next hands out few events at a time, or many, so that no check leans on batches.
func (r *replayed) Next([]ledger.Event) ([]ledger.Event, error) {
	n := min([]int{3, 1, 40, 2, 500}[r.calls%5], len(r.rest))
	r.calls++
	batch := slices.Clone(r.rest[:n])
	r.rest = r.rest[n:]
	return batch, nil
}
