package load

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestCurveSendsTheRecordsOfEachStep(t *testing.T) {
	steps := []CurveStep{{2 * time.Second, 10}, {time.Second, 0}, {time.Second, 100}, {500 * time.Millisecond, 7}}
	p, err := NewCurve(steps)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rate     float64
		duration time.Duration
		want     [4]int
		ends     [4]time.Duration
	}{
		{0, 0, [4]int{20, 0, 100, 4}, [4]time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second, 4500 * time.Millisecond}},
		{200, 0, [4]int{40, 0, 200, 7}, [4]time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second, 4500 * time.Millisecond}},
		{0, 9 * time.Second, [4]int{40, 0, 200, 7}, [4]time.Duration{4 * time.Second, 6 * time.Second, 8 * time.Second, 9 * time.Second}},
	} {
		scaled := p.(harness.Scalable).Scale(c.rate, c.duration)
		var got [4]int
		before := time.Duration(0)
		for n := uint64(0); ; n++ {
			due, ok := scaled.At(n)
			if !ok {
				break
			}
			if due < before {
				t.Fatalf("record %d is due at %v, after %v", n, due, before)
			}
			before = due
			for i, end := range c.ends {
				if due < end {
					got[i]++
					break
				}
			}
		}
		if got != c.want {
			t.Errorf("at %v/s for %v: %v records in the steps, want %v", c.rate, c.duration, got, c.want)
		}
	}
}

func TestCurveRefusesWhatHasNoRecords(t *testing.T) {
	for name, steps := range map[string][]CurveStep{
		"no step": nil, "only pauses": {{time.Second, 0}}, "a negative rate": {{time.Second, -1}, {time.Second, 10}}, "no time": {{0, 10}},
	} {
		if _, err := NewCurve(steps); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
