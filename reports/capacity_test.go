package reports

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
)

// foundCapacity is an answer whose capacity is so many records/s, in a setup.
func foundCapacity(rate float64, set ...harness.Setting) capacity.Answer {
	objectives := capacity.Goal{Name: "objectives", Exceed: 0.5, Width: 0.03, Full: 40 * time.Second}
	trial := func(load float64, v capacity.Verdict) capacity.Trial {
		return capacity.Trial{Load: load, Duration: 40 * time.Second, Full: true, Purpose: capacity.Confirm, Completed: load, Verdicts: map[string]capacity.Verdict{"objectives": v, "guarantees": capacity.Held}}
	}
	return capacity.Answer{
		Consumer: harness.ConsumerInfo{Name: "keyed@cooperative", Order: harness.OrderKey}, Setup: set, Seek: "rate", Asked: 400, Objectives: "trend<1%",
		Bounds: []capacity.Bound{{Name: capacity.BoundKey, Resource: "key 0", Rate: 500, Most: 500, Why: "20 % of the records on key 0 at 10ms cannot pass 500/s"}},
		Result: &capacity.Result{
			Axis:   capacity.Axis{Unit: "records/s", Least: 1, Most: 2000},
			Goals:  []capacity.GoalResult{{Goal: objectives, Outcome: capacity.Answered, Held: &capacity.LoadBound{Load: rate, Confirmed: true, Trials: 1}, Broken: &capacity.LoadBound{Load: math.Round(1.03 * rate), Confirmed: true, Trials: 1}, From: rate, To: math.Round(1.03 * rate), Throughput: rate}},
			Trials: []capacity.Trial{trial(rate, capacity.Held), trial(1.03*rate, capacity.Broken)}, Confirming: 2,
		},
		Points: []capacity.Point{{Share: 0.5, Rate: rate / 2, Utilisation: 0.48, EndToEnd: harness.Quantiles{N: 1000, P50: 20 * time.Millisecond, P99: 31 * time.Millisecond}, Status: harness.Pass}},
		Checks: []capacity.Check{{Backend: "embedded", Result: heldAt(0.8 * rate), Error: -0.2, Remark: "the machine was the limit: 97 % busy"}},
	}
}

// heldAt is the result of a search that found this rate.
func heldAt(rate float64) *capacity.Result {
	return &capacity.Result{Axis: capacity.Axis{Unit: "records/s"}, Goals: []capacity.GoalResult{{Outcome: capacity.Answered, Held: &capacity.LoadBound{Load: rate}}}}
}

func foundReport(answers ...capacity.Answer) *capacity.Report {
	return &capacity.Report{Version: capacity.ReportVersion, Backend: "virtual", Virtual: true, Modelled: true, Planned: len(answers), Answers: answers, Command: "go test -run '^TestCapacity$'"}
}

// planReport is a plan in which one design holds the peak and one cannot.
func planReport() *capacity.Report {
	found := foundCapacity(480)
	r := foundReport()
	r.Plan = &capacity.Plan{Rate: 150, Peak: 450, Objectives: "trend<1%", Designs: []capacity.DesignPlan{
		{Consumer: harness.ConsumerInfo{Name: "serial@cooperative", Order: harness.OrderPartition}, Failed: "no number of pods holds 450/s"},
		{
			Consumer: found.Consumer, Pods: 2, Partitions: 12, Workers: 20, Capacity: &found, Bounds: found.Bounds,
			Outages:   []capacity.OutagePlan{{For: 5 * time.Minute, Last: capacity.Drain{Resource: "key 0", Took: 129 * time.Second}}},
			PodLost:   &capacity.Loss{Headroom: -0.2, Tightest: found.Bounds[0]},
			Purchases: []capacity.Purchase{{What: "the hottest key split in two", Gain: 1, Bound: capacity.Bound{Name: capacity.BoundKey, Rate: 1000}}},
			Settings:  &capacity.Settings{LagThreshold: 1200, MaxPollRecords: 100},
		},
	}}
	return r
}

func TestSavedSearchesAreReadBack(t *testing.T) {
	for name, r := range map[string]*capacity.Report{"searches": foundReport(foundCapacity(480)), "plan": planReport()} {
		dir := t.TempDir()
		if err := WriteCapacity(dir, r); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, "capacity.json"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadCapacity(f)
		f.Close()
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%s: %v\n%+v\nwant\n%+v", name, err, again, r)
		}
		if page, err := os.ReadFile(filepath.Join(dir, "capacity.html")); err != nil || !bytes.Contains(page, []byte("</html>")) {
			t.Errorf("%s: the page is missing or cut: %v", name, err)
		}
	}
}

func TestSavedSearchesOfAnotherVersionAreRefused(t *testing.T) {
	r := foundReport()
	r.Version = capacity.ReportVersion + 1
	text, _ := json.Marshal(r)
	if _, err := ReadCapacity(bytes.NewReader(text)); err == nil || !strings.Contains(err.Error(), "search again") {
		t.Errorf("another version: %v", err)
	}
	if _, err := ReadCapacity(bytes.NewReader(text[:len(text)/2])); err == nil {
		t.Error("half a file was read")
	}
}

func TestTextOfSearchesNamesCapacityAndBound(t *testing.T) {
	var b strings.Builder
	if err := RenderCapacityText(&b, foundReport(foundCapacity(480))); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"keyed@cooperative carries 480 records/s.", "480 to 494", "96.0 %", "bound by the hot key: 20 %", "on embedded: 384 records/s, -20.0 %, the machine was the limit", "! Virtual time"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, b.String())
		}
	}
	for _, line := range strings.Split(b.String(), "\n") {
		if len([]rune(line)) > pageWidth+20 {
			t.Errorf("a line of %d columns: %s", len([]rune(line)), line)
		}
	}
}

func TestPlanNamesTheCheapestDesignOfEachOrder(t *testing.T) {
	var b strings.Builder
	if err := RenderCapacityText(&b, planReport()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"keyed@cooperative holds 450 records/s with 2 pods, the fewest.", "With order by key: keyed@cooperative with 2 pods.", "With order by partition: none of these designs.",
		"90.0 %, key 0", "+7 %", "5 min: drained 2 min 9 s later, key 0 last", "the rest lacks 20.0 % of the rate", "the hottest key split in two: +100 %", "no number of pods holds 450/s",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the plan lacks %q:\n%s", want, b.String())
		}
	}
}

func TestSweepIsAMapOfCapacities(t *testing.T) {
	var answers []capacity.Answer
	for _, pods := range []string{"2", "4"} {
		for i, keys := range []string{"uniform:20000", "hot:0.2/1/10000"} {
			rate := 900.0
			if i == 1 {
				rate = 300
			}
			answers = append(answers, foundCapacity(rate, harness.Setting{Name: "pods", Value: pods}, harness.Setting{Name: "keys", Value: keys}))
		}
	}
	maps := heatMaps(foundReport(answers...))
	if len(maps) != 1 || len(maps[0].Rows) != 2 || len(maps[0].Columns) != 2 {
		t.Fatalf("%+v", maps)
	}
	high, low := maps[0].Rows[1].Cells[0], maps[0].Rows[1].Cells[1]
	if high.Level != 9 || !high.Holds || low.Level != 0 || low.Holds {
		t.Errorf("900/s is %+v and 300/s is %+v under a promise of 400/s", high, low)
	}
}

func TestForeignTextIsNoMarkupOnTheCapacityPage(t *testing.T) {
	a := foundCapacity(480, harness.Setting{Name: "<b>", Value: "<script>alert(1)</script>"})
	a.Remarks, a.Consumer.Name = []string{"<img src=x onerror=alert(1)>"}, "\x1b[31mred"
	a.Bounds[0].Name = "<i>"
	var b bytes.Buffer
	if err := renderCapacityHTML(&b, foundReport(a)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script>alert", "<img src", "\x1b", "<i>"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}
