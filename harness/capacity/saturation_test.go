package capacity

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMeasureSaturation(t *testing.T) {
	ramp := []float64{0, 0, 50, 200, 400}
	even := append(append(slices.Clone(ramp), slices.Repeat([]float64{500}, 40)...), 300, 40)
	s, err := MeasureSaturation(time.Second, even)
	if err != nil || math.Abs(s.Rate-500) > 1e-9 || s.Narrowed() {
		t.Errorf("%+v, %v: want 500/s without the ramp and the tail", s, err)
	}
	if s.From < 5*time.Second || s.To > 45*time.Second || s.From >= s.To {
		t.Errorf("from %v to %v", s.From, s.To)
	}
	hot := append(slices.Repeat([]float64{500}, 20), slices.Repeat([]float64{100}, 40)...)
	if s, err = MeasureSaturation(time.Second, hot); err != nil || !s.Narrowed() || math.Abs(s.Early-500) > 1e-9 || s.Late >= 300 {
		t.Errorf("%+v, %v: want a drain that narrowed", s, err)
	}
}

func TestMeasureSaturationRefuses(t *testing.T) {
	for want, completed := range map[string][]float64{
		"no record":  {0, 0},
		"none below": {100, math.NaN()},
		"want 10":    {100, 100, 100, 100},
	} {
		if _, err := MeasureSaturation(time.Second, completed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", completed, err, want)
		}
	}
	if _, err := MeasureSaturation(0, []float64{1}); err == nil {
		t.Error("a series without a step was taken")
	}
}
