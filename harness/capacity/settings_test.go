package capacity

import (
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestAdviseSettings(t *testing.T) {
	y := System{Shape: evenShape(12_000, 12, 10*ms), Design: keyedDesign(20, 12), Pods: 3}
	cfg := harness.Config{MaxPoll: 100, Session: 6 * time.Second}
	s := AdviseSettings(y, 1700, 5*time.Second, cfg)
	want := "max.poll.records=100\nmax.poll.interval.ms=300000\nsession.timeout.ms=6000\nheartbeat.interval.ms=2000\nlagThreshold: \"8500\"\nmaxReplicaCount: 12"
	if s.String() != want {
		t.Errorf("%s\nwant\n%s", s, want)
	}
	y.Service, y.Design.Partitions = 10*time.Second, 0
	if s := AdviseSettings(y, 0, time.Second, cfg); s.LagThreshold != 1 || s.MaxPollInterval != 2000*time.Second || strings.Contains(s.String(), "MaxReplica: 0") {
		t.Errorf("%+v, want a threshold of 1 and two full polls of work", s)
	}
}

func TestPodsAtBound(t *testing.T) {
	even, hot := evenShape(12_000, 12, 10*ms), hotShape(12_000, 12, 10*ms, 0.2)
	none := keyedDesign(20, 12)
	none.Serial.Unit = harness.SerialRecord
	share := none
	share.Partitions = 0
	for _, c := range []struct {
		name  string
		shape Shape
		d     Design
		want  int
	}{
		{"as many pods as partitions", even, keyedDesign(20, 12), 12},
		{"one pod of 20 workers is faster than the hot key", hot, keyedDesign(20, 12), 1},
		{"five pods of one worker are as fast as the hot key", hot, keyedDesign(1, 12), 5},
		{"no order, partitions", hot, none, 12},
		{"no order, no partitions", hot, share, 0},
	} {
		y := System{Shape: c.shape, Design: c.d, Pods: 3}
		if got := y.PodsAtBound(); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
