package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// TestTimelineOfAPrematureCommit: a timeline has all that concerns its anomaly, and nothing else.
func TestTimelineOfAPrematureCommit(t *testing.T) {
	h := newHistory()
	for _, line := range lines(`
		log p0 1/0 1/1 2/0 1/2 1/3 1/4
		log p1 3/0
		final p0 6
		0ms own p0 a gen=1 seen=1ms
		0ms own p1 b gen=1 seen=1ms
		10ms acked p0@1 1/1
		20ms start p0@0 a
		30ms effect p0@0 a
		40ms start p0@1 a
		50ms error p0@1 a
		51ms start p0@2 a
		52ms effect p0@2 a
		53ms start p0@3 a
		54ms effect p0@3 a
		55ms start p0@5 a
		56ms effect p0@5 a
		57ms start p0@4 a
		58ms effect p0@4 a
		60ms commit p0 6 a
		61ms start p1@0 b
		62ms effect p1@0 b
		63ms commit p1 1 b`) {
		if err := h.line(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	verdicts, err := judge(h.facts, h.source())
	if err != nil {
		t.Fatal(err)
	}
	if err := AddTimelines(h.facts, h.source(), verdicts); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(verdicts, func(v harness.Verdict) bool { return v.Check == CheckPrematureCommit })
	var got []string
	a := verdicts[i].Examples[0]
	for _, m := range a.Timeline {
		got = append(got, fmt.Sprintf("%v %s: %s", m.At, m.Track, m.Text))
	}
	want := []string{"0s owner: partition 0 is assigned to a, generation 1 (or up to 1ms later)", "60ms commits: 6 by a"}
	if a.Key == unknownIdentity && !slices.Equal(got, want) {
		t.Errorf("before it is named:\n%s", strings.Join(got, "\n"))
	}
	a.Key, a.Seq, a.Timeline = 1, 1, nil
	verdicts[i].Examples[0] = a
	if err := AddTimelines(h.facts, h.source(), verdicts[i:i+1]); err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, m := range verdicts[i].Examples[0].Timeline {
		mark := ""
		if m.Bad {
			mark = " !"
		}
		got = append(got, fmt.Sprintf("%v %s: %s%s", m.At, m.Track, m.Text, mark))
	}
	want = []string{
		"0s owner: partition 0 is assigned to a, generation 1 (or up to 1ms later)", "10ms record: acked at partition 0 offset 1",
		"20ms a: offset 0, seq 0: effect", "40ms a: offset 1, seq 1: error", "53ms a: offset 3, seq 2: effect", "57ms a: offset 4, seq 3: effect",
		"60ms commits: 6 by a !",
	}
	if !slices.Equal(got, want) {
		t.Errorf("timeline\n got  %s\n want %s", strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
}

// timelineOf judges a history, sets the records of a check's anomalies, and returns the first anomaly with its
// timeline.
func timelineOf(t *testing.T, history, check string, named ...[2]uint32) (a harness.Anomaly, entries []string) {
	t.Helper()
	h := newHistory()
	for _, line := range lines(history) {
		if err := h.line(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	verdicts, err := judge(h.facts, h.source())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(verdicts, func(v harness.Verdict) bool { return v.Check == check })
	if len(verdicts[i].Examples) == 0 {
		t.Fatalf("%s found nothing", check)
	}
	for k, n := range named {
		verdicts[i].Examples[k].Key, verdicts[i].Examples[k].Seq = n[0], n[1]
	}
	if err := AddTimelines(h.facts, h.source(), verdicts); err != nil {
		t.Fatal(err)
	}
	a = verdicts[i].Examples[0]
	return a, entriesOf(&a)
}

// entriesOf are the entries of an anomaly's timeline, as text.
func entriesOf(a *harness.Anomaly) (entries []string) {
	for _, m := range a.Timeline {
		line := fmt.Sprintf("%v %s: %s", m.At, m.Track, m.Text)
		if m.Bad {
			line += " !"
		}
		entries = append(entries, line)
	}
	return entries
}

func sameEntries(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("timeline\n got  %s\n want %s", strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
}

// TestTimelineHasTheCommitThatLostTheRecord: the commit is in the timeline and in the text of the anomaly,
// however many commits came since or at the same time.
func TestTimelineHasTheCommitThatLostTheRecord(t *testing.T) {
	history := `
		log p0 1/0 1/1
		log p1 2/0
		final p0 44
		0ms own p0 a gen=1
		20ms start p0@0 a
		30ms effect p0@0 a
		30ms commit p0 1 a
		40ms start p0@1 a
		50ms cancelled p0@1 a
		50ms commit p0 2 a unknown
		50ms commit p0 2 a
		50ms commit p1 1 b
		51ms released p0 a
		52ms own p0 b gen=2`
	for n := range 42 {
		history += fmt.Sprintf("\n%dms commit p0 %d b", 100+n, n+3)
	}
	a, entries := timelineOf(t, history, CheckLoss, [2]uint32{1, 1})
	if want := "a committed 2 at 50ms, past the record, before its work was completed: appended and never completed; the group's commit 44 is past it"; a.Text != want {
		t.Errorf("text %q, want %q", a.Text, want)
	}
	if a.At != 50*time.Millisecond || !slices.Equal(a.Pods, []string{"a"}) {
		t.Errorf("at %v by %v", a.At, a.Pods)
	}
	want := []string{
		"0s owner: partition 0 is assigned to a, generation 1", "20ms a: offset 0, seq 0: effect", "30ms commits: 1 by a", "40ms a: offset 1, seq 1: cancelled",
		"50ms commits: 2 by a (unknown)", "50ms commits: 2 by a !", "51ms owner: a loses partition 0", "52ms owner: partition 0 is assigned to b, generation 2",
	}
	for n := range trackEntries - 3 {
		want = append(want, fmt.Sprintf("%dms commits: %d by b", 100+n, n+3))
	}
	want = append(want, "105ms commits: ... 37 more commits, up to 44 at 141ms")
	sameEntries(t, entries, want)
}

// TestLossOfACopyIsOfTheLastCommit: a copy is outstanding too, so the commit past the last place loses the record.
func TestLossOfACopyIsOfTheLastCommit(t *testing.T) {
	a, _ := timelineOf(t, `
		side retry-1 retry
		log p0 1/0
		log retry-1/p0 1/0
		final p0 1
		final retry-1/p0 1
		10ms start p0@0 a
		20ms error p0@0 a
		21ms copied retry-1/p0@0
		30ms commit p0 1 a
		40ms commit retry-1/p0 1 b`, CheckLoss, [2]uint32{1, 0})
	if a.At != 40*time.Millisecond || !slices.Equal(a.Pods, []string{"b"}) {
		t.Errorf("at %v by %v: %s", a.At, a.Pods, a.Text)
	}
}

// TestTimelineMarksBothAttemptsOfAnOverlap: other attempts that began at the same time stay unmarked.
func TestTimelineMarksBothAttemptsOfAnOverlap(t *testing.T) {
	a, entries := timelineOf(t, `
		log p0 1/0 1/1 1/2 1/3 1/4 1/5 2/0
		final p0 7
		10ms start p0@0 a
		20ms effect p0@0 a
		20ms start p0@5 a
		20ms start p0@1 a
		30ms effect p0@1 a
		31ms effect p0@5 a
		32ms commit p0 7 a`, CheckOverlap)
	if !slices.Equal(a.Pods, []string{"a"}) {
		t.Errorf("pods %v", a.Pods)
	}
	sameEntries(t, entries, []string{
		"10ms a: offset 0, seq 0: effect", "20ms a: offset 1, seq 1: effect !", "20ms a: offset 5, seq 5: effect !", "32ms commits: 7 by a",
	})
}
