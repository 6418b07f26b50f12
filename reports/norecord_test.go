package reports

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// podEnded is a comparison in which pod-2 ended by itself.
func podEnded() *harness.Comparison {
	c := small()
	r := &c.Runs[0]
	r.Status, r.Expected, c.Cells[0].Status, c.Cells[0].Expected = harness.Fail, false, harness.Fail, false
	r.Verdicts = append([]harness.Verdict{{
		Check: oracle.CheckPodLiveness, Status: harness.Fail, Count: 1,
		Examples: []harness.Anomaly{{Text: "ended by itself: panic: boom\nIts output:\nfirst\n" + strings.Repeat("\tnoise\n", 100) + "last", Pods: []string{"pod-2.1"}, At: 3 * time.Second}},
	}}, r.Verdicts...)
	return c
}

func TestEvidenceOnAPodNamesNoRecord(t *testing.T) {
	for _, f := range renderers {
		text := unpacked(t, render(t, f.render, podEnded()))
		for _, wrong := range []string{"key 0", "seq 0", "offset 0", `"offset":0`, `"key":0`} {
			if strings.Contains(text, wrong) {
				t.Errorf("%s has %q", f.name, wrong)
			}
		}
	}
	if text := string(render(t, RenderText, podEnded())); !strings.Contains(text, "\n    ended by itself: panic: boom\n      Its output:\n      first\n") ||
		!strings.Contains(text, "\n      ...\n") || !strings.Contains(text, "          noise\n      last\n    pod-2.1; at") || strings.Count(text, "noise") != 9 {
		t.Errorf("the output of the pod is not as it should be in\n%s", text)
	}
	for _, f := range []renderer{RenderText, renderHTML} {
		if text := string(render(t, f, podEnded())); !strings.Contains(text, "pod-2.1; at 3.000 s") {
			t.Error("a report does not say which pod ended")
		}
	}
	if page := unpacked(t, render(t, renderHTML, podEnded())); !strings.Contains(page, "<li>ended by itself: panic: boom (pod-2.1)</li>") {
		t.Error("the list of the page's evidence does not say which pod ended")
	}
}

// The first record of the first key is one, even though all its numbers are 0.
func TestEvidenceOnTheFirstRecordNamesIt(t *testing.T) {
	c := podEnded()
	e := &c.Runs[0].Verdicts[0]
	e.Check, e.Examples[0].RecordPlace = oracle.CheckLoss, &harness.RecordPlace{}
	again, err := ReadJSON(bytes.NewReader(render(t, renderJSON, c)))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(render(t, RenderText, again)); !strings.Contains(text, "key 0; seq 0; partition 0 offset 0; pod-2.1") {
		t.Errorf("the record is missing in\n%s", text)
	}
	again.Runs[0].Verdicts[0].Examples[0].RecordPlace = &harness.RecordPlace{Key: ledger.NoIdentity, Seq: ledger.NoIdentity, Topic: 2, Partition: 1, Offset: 7}
	if text := string(render(t, RenderText, again)); !strings.Contains(text, "    side topic 2 partition 1 offset 7; pod-2.1") {
		t.Errorf("an unknown record has an identity in\n%s", text)
	}
}

// Results of older code have zeros in place of no record.
func TestReadersDropTheRecordOfAPod(t *testing.T) {
	c := podEnded()
	c.Runs[0].Verdicts[0].Examples[0].RecordPlace = &harness.RecordPlace{}
	raw := render(t, renderJSON, c)
	if !bytes.Contains(raw, []byte(`last","key":0,"seq":0,"partition":0,"offset":0,"pods"`)) {
		t.Fatal("the result is not as older code wrote it")
	}
	again, err := ReadJSON(bytes.NewReader(raw))
	if err != nil || again.Runs[0].Verdicts[0].Examples[0].RecordPlace != nil {
		t.Errorf("it was read with %+v, %v", again.Runs[0].Verdicts[0].Examples[0].RecordPlace, err)
	}
}
