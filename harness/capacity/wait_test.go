package capacity

import (
	"testing"
	"time"
)

// The cases are M/G/c with log-normal work of 10 ms and 100 ms at p99, whose waits were also simulated.
func TestStartValuesOfWaits(t *testing.T) {
	for _, c := range []struct {
		servers   int
		rho       float64
		mean, p99 float64 // ms
	}{{1, .5, 38.4, 301}, {1, .7, 90, 544}, {8, .7, 4.3, 53}, {8, .9, 33.7, 204}, {50, .9, 2.8, 28}} {
		q := Queue{Servers: c.servers, Rate: c.rho * float64(c.servers) * 100, Work: 10 * ms, ArrivalVariation: 1, WorkVariation: 6.69}
		mean, ok := q.StartWait()
		p99, _ := q.StartP99()
		if !ok || !near(float64(mean)/1e6, c.mean, 0.02) || !near(float64(p99)/1e6, c.p99, 0.02) {
			t.Errorf("%d servers at %v: %v and %v, want %v and %v ms", c.servers, c.rho, mean, p99, c.mean, c.p99)
		}
	}
}

func TestAFullQueueHasNoWait(t *testing.T) {
	q := Queue{Servers: 2, Rate: 200, Work: 10 * ms}
	if w, ok := q.StartWait(); ok {
		t.Errorf("a wait of %v", w)
	}
	if _, ok := q.StartP99(); ok || q.ProbabilityOfWait() != 1 {
		t.Error("a full queue has a p99, or an arrival that does not wait")
	}
	idle := Queue{Servers: 50, Rate: 1, Work: time.Millisecond, ArrivalVariation: 1}
	if w, ok := idle.StartP99(); !ok || w != 0 {
		t.Errorf("a p99 of %v in an idle queue, want 0", w)
	}
}
