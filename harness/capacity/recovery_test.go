package capacity

import (
	"math"
	"testing"
	"time"
)

func TestCapacityToRecover(t *testing.T) {
	o := Outage{For: 4 * time.Minute, Detect: 45 * time.Second, Rebalance: 15 * time.Second}
	rate := CapacityToRecover(1000, o, 20*time.Minute)
	if rate != 1250 {
		t.Errorf("%v/s, want 1250/s: 5 minutes of the load in 20", rate)
	}
	if n := PodsToHold(rate, 125, 1); n != 10 {
		t.Errorf("%d pods of 125/s, want 10", n)
	}
	if n := PodsToHold(rate, 125, 0.7); n != 15 {
		t.Errorf("%d pods at 70 %%, want 15", n)
	}
	if PodsToHold(CapacityToRecover(1000, o, 0), 125, 1) != 0 || PodsToHold(1000, 0, 1) != 0 || !math.IsInf(CapacityToRecover(1, o, 0), 1) {
		t.Error("pods for what no pods can do")
	}
}
