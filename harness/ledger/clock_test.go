package ledger

import (
	"testing"
	"time"
)

func TestClocksOfOneHostAgree(t *testing.T) {
	a, b := NewClock(), NewClock()
	x := a.Now()
	y := b.Now()
	z := a.Now()
	const slack = int64(time.Millisecond) // a preemption inside NewClock
	if y < x-slack || y > z+slack {
		t.Errorf("clocks disagree: %d is not within %d..%d", y, x, z)
	}
}
