package capacity

import (
	"math"
	"strings"
	"testing"
	"time"
)

// singleServer are p99s of a queue with one server that does 100 records/s, M/M/1: the
// response time is exponential, and twice that of an idle server at half of the load.
func singleServer(loads ...float64) (points []LatencyPoint) {
	for _, l := range loads {
		p99 := math.Log(100) / (100 - l) * float64(time.Second)
		points = append(points, LatencyPoint{l, time.Duration(p99)})
	}
	return points
}

func TestFindKnee(t *testing.T) {
	k, err := FindKnee(singleServer(90, 0.001, 20, 40, 45, 55, 60, 80))
	if err != nil || !k.Found || k.From != 45 || k.To != 55 || math.Abs(k.Load-50) > 0.5 || k.N != 1 {
		t.Errorf("%+v, %v: want a knee at 50", k, err)
	}
	far, err := FindKnee(singleServer(90, 0.001, 20, 40, 45, 55, 60, 80, 99.9, 99.99))
	if err != nil || far.Load != k.Load {
		t.Errorf("loads beyond the knee moved it from %v to %v", k.Load, far.Load)
	}
	flat, err := FindKnee(singleServer(1, 10, 20, 30))
	if err != nil || flat.Found || flat.From != 30 {
		t.Errorf("%+v, %v: want no knee up to 30", flat, err)
	}
	points := append(singleServer(0.001, 45, 55), LatencyPoint{45, time.Hour}, LatencyPoint{45, time.Millisecond})
	if k, err := FindKnee(points); err != nil || k.From != 45 || k.To != 55 {
		t.Errorf("%+v, %v: want the median of the runs at one load", k, err)
	}
}

func TestFindKneeRefuses(t *testing.T) {
	for want, points := range map[string][]LatencyPoint{
		"a knee takes 3": singleServer(1, 50),
		"is no low one":  singleServer(60, 70, 80),
		"above zero":     {{0, time.Second}},
		"a p99 of 0s":    {{10, 0}},
	} {
		if _, err := FindKnee(points); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
