package sizing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/load"
)

// shares are the shares of the capacity at which latencies are measured.
var shares = []float64{0.3, 0.5, 0.7, 0.8, 0.9, 1}

// pointLength is how long the load of a point is.
const pointLength = 20 * time.Second

// measurePoints measures the latency at shares of the capacity.
func (m *trials) measurePoints(ctx context.Context, a *capacity.Answer, found float64) error {
	serial, hasSerial := capacity.TightestSerial(a.Bounds)
	for _, share := range shares {
		s, err := m.scenarioAt(share*found, pointLength)
		if err != nil {
			return err
		}
		out, err := m.run(ctx, m.planFor(s, 1))
		if err != nil {
			return fmt.Errorf("run at %.0f %% of the capacity: %w", 100*share, err)
		}
		p := capacity.Point{Share: share, Rate: share * found, Status: out.Run.Status, EndToEnd: steadyLatency(&out.Run)}
		if hasSerial {
			p.Utilisation = serial.Utilisation(p.Rate)
		}
		a.Points = append(a.Points, p)
	}
	var latencies []capacity.LatencyPoint
	for _, p := range a.Points {
		latencies = append(latencies, capacity.LatencyPoint{Load: p.Rate, P99: p.EndToEnd.P99})
	}
	if knee, err := capacity.FindKnee(latencies); err == nil {
		a.Knee = &knee
	}
	return nil
}

// steadyLatency is the latency of the steady phase, empty without one.
func steadyLatency(r *harness.Run) harness.Quantiles {
	for _, p := range r.Phases {
		if p.Name == "steady" {
			return p.EndToEnd
		}
	}
	return harness.Quantiles{}
}

const (
	backlogSeconds = 30      // backlogSeconds is how long the tightest bound takes for the standing backlog.
	mostBacklog    = 200_000 // mostBacklog keeps the records of a fast design in memory.
)

// saturate drains a standing backlog: all records are due at once.
func (m *trials) saturate(ctx context.Context, a *capacity.Answer) error {
	tightest, ok := capacity.Tightest(a.Bounds)
	if !ok {
		return nil
	}
	s := m.Scenario
	s.Warmup, s.MayOverload, s.Injections, s.Objectives = 0, true, nil, ""
	records := min(mostBacklog, max(1000, uint64(backlogSeconds*tightest.Rate)))
	s.Load.Pacer = load.Flood{Records: records}
	s.Drain = max(s.Drain, 3*backlogSeconds*time.Second)
	out, err := m.run(ctx, m.planFor(s, 1))
	if err != nil {
		return fmt.Errorf("drain a standing backlog: %w", err)
	}
	drained := capacity.Drained{Records: int64(records)}
	if out.Run.Status != harness.Pass {
		drained.Remark = fmt.Sprintf("%s: %s", out.Run.Status, strings.Join(out.Run.Reasons, "; "))
	}
	if drained.Saturation, err = capacity.MeasureSaturation(out.Run.Series.Step, out.Run.Series.Completed); err != nil {
		drained.Remark = err.Error()
	}
	if drained.Narrowed() {
		drained.Remark = "some keys or partitions were empty before others, so the rate depends on the size of the backlog"
	}
	a.Saturation = &drained
	return nil
}
