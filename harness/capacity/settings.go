package capacity

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Settings are those that follow from a plan, to paste into clients and into KEDA.
type Settings struct {
	LagThreshold    int64         `json:"lag_threshold"`
	MaxReplicas     int           `json:"max_replicas"` // 0: the bounds limit no number of pods.
	MaxPollRecords  int           `json:"max_poll_records"`
	MaxPollInterval time.Duration `json:"max_poll_interval_ns"`
	Session         time.Duration `json:"session_ns"`
	Heartbeat       time.Duration `json:"heartbeat_ns"`
}

// minPollInterval is Kafka's default of max.poll.interval.ms, which fits most loads.
const minPollInterval = 5 * time.Minute

// AdviseSettings are the settings of a system whose pods hold podRate each, as measured, where no
// record may be older than age. It takes what cfg says of polls and the session.
//
// KEDA divides the whole lag by lagThreshold. A pod clears podRate x age records within
// the age, which is Little's law. max.poll.interval.ms is twice the time in which one worker
// works on a full poll, since a poll may have records of one serial unit alone.
func AdviseSettings(y System, podRate float64, age time.Duration, cfg harness.Config) Settings {
	mean := y.meanWork(y.Shape.Work, y.Shape.Counted, 1)
	full := 2 * mean * time.Duration(cfg.MaxPoll)
	return Settings{
		LagThreshold: max(1, int64(podRate*age.Seconds())), MaxReplicas: y.PodsAtBound(),
		MaxPollRecords: cfg.MaxPoll, MaxPollInterval: max(minPollInterval, full.Round(time.Second)),
		Session: cfg.Session, Heartbeat: cmp.Or(cfg.Heartbeat, cfg.Session/3),
	}
}

// PodsAtBound is the number of pods from which on another pod adds nothing: the workers reach
// the bound of the fullest serial unit, or each partition has its own pod. 0: each pod adds its
// workers.
func (y *System) PodsAtBound() int {
	most := y.Design.Partitions
	unit := y.boundUnit()
	if unit.Void != "" || unit.Rate == 0 {
		return most
	}
	one := *y
	one.Pods = 1
	pods := int(math.Ceil(unit.Rate/one.boundWorkers().Rate - 1e-9))
	if most == 0 {
		return pods
	}
	return min(pods, most)
}

// String has a line for each setting, in the words of Kafka's clients and of KEDA.
func (s Settings) String() string {
	lines := []string{
		fmt.Sprintf("max.poll.records=%d", s.MaxPollRecords),
		fmt.Sprintf("max.poll.interval.ms=%d", s.MaxPollInterval.Milliseconds()),
		fmt.Sprintf("session.timeout.ms=%d", s.Session.Milliseconds()),
		fmt.Sprintf("heartbeat.interval.ms=%d", s.Heartbeat.Milliseconds()),
		fmt.Sprintf("lagThreshold: %q", fmt.Sprint(s.LagThreshold)),
	}
	if s.MaxReplicas > 0 {
		lines = append(lines, fmt.Sprintf("maxReplicaCount: %d", s.MaxReplicas))
	}
	return strings.Join(lines, "\n")
}
