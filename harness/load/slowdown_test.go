package load

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestSlowedTime(t *testing.T) {
	s := harness.Slowdown{From: time.Second, To: 2 * time.Second, Factor: 10}
	for at, want := range map[time.Duration]time.Duration{
		-1: 3, 0: 3, time.Second - 1: 3, time.Second: 30, 2*time.Second - 1: 30, 2 * time.Second: 3,
	} {
		if got := NewSlowing(s, 1, 1).SlowedTime(3, 0, 0, at); got != want {
			t.Errorf("at %v: %d, want %d", at, got, want)
		}
	}
	if got := NewSlowing(harness.Slowdown{}, 1, 1).SlowedTime(3, 0, 0, 0); got != 3 {
		t.Errorf("no slowdown: %d", got)
	}
	slow := 0
	for seq := range uint32(1000) {
		s := s
		s.Fraction = 0.1
		if NewSlowing(s, 1, 1).SlowedTime(3, 7, seq, s.From) == 30 {
			slow++
		}
	}
	if slow < 60 || slow > 140 {
		t.Errorf("%d of 1000 records are slow, want 10 %%", slow)
	}
	if DescribeSlowdown(s) != "10 times as long from 1s to 2s" || DescribeSlowdown(harness.Slowdown{}) != "" {
		t.Errorf("in words: %q", DescribeSlowdown(s))
	}
}

func TestCheckSlowdown(t *testing.T) {
	for _, good := range []harness.Slowdown{{}, {To: 3 * time.Second, Factor: 1}, {From: time.Second, To: 2 * time.Second, Factor: 10}} {
		if err := CheckSlowdown(good, 3*time.Second); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []harness.Slowdown{
		{Factor: 10}, {To: time.Second}, {To: time.Second, Factor: 0.5}, {From: 2 * time.Second, To: time.Second, Factor: 10},
		{From: -1, To: time.Second, Factor: 10}, {To: 4 * time.Second, Factor: 10},
	} {
		if CheckSlowdown(bad, 3*time.Second) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
