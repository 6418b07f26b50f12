package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// stageDocs say what a record waits for in each stage of the latency.
var stageDocs = [len(harness.StageNames)]string{
	"the wait for the producer: the call to Produce minus due",
	"the linger of the producer, the request, and the replication",
	"until a poll of the consumer returned the record. It is 0 for a record that was fetched before its acknowledgement arrived",
	"the wait in the consumer for room, a worker, or the records before it, failed attempts included",
	"the attempt that completed the record",
}

// stageColumns are the stages of the end-to-end latency.
var stageColumns = makeStageColumns()

func makeStageColumns() (all []column) {
	for i, name := range harness.StageNames {
		k := column{Title: name, Unit: "%, p50/p99 ms", Doc: stageDocs[i] + ". Its share of the whole latency, and its percentiles", optional: true}
		if group, title, cut := strings.Cut(name, " "); cut {
			k.Group, k.Title = group, title
		}
		k.ofCell = func(v *view, c *harness.Cell) cellValue { return v.stageValue(c, i) }
		all = append(all, k)
	}
	return all
}

// stageValue is the share of a stage and its percentiles: each the median of the repeats that passed.
func (v *view) stageValue(c *harness.Cell, stage int) cellValue {
	runs := v.runsWithStages(c)
	of := func(value func(*harness.LatencyStage) float64) float64 {
		return spreadOf(runs, func(r *harness.Run) (float64, bool) { return value(&r.Stages.Parts[stage]), true }).median
	}
	if len(runs) == 0 {
		return cellValue{Value: missing, Why: v.whyNoLatency(c)}
	}
	share := of(func(s *harness.LatencyStage) float64 { return s.Share })
	p50 := of(func(s *harness.LatencyStage) float64 { return s.Latency.P50.Seconds() })
	p99 := of(func(s *harness.LatencyStage) float64 { return s.Latency.P99.Seconds() })
	return cellValue{Value: formatShare(share) + ", " + formatMillis(p50) + "/" + formatLatency(c, p99)}
}

// runsWithStages are the runs of a cell whose latencies it shows, if they have stages.
func (v *view) runsWithStages(c *harness.Cell) []*harness.Run {
	return slices.DeleteFunc(v.runsOf(c), func(r *harness.Run) bool {
		return !r.KeptClaims() || (r.Saturated != "") != c.Saturated || !hasStages(r)
	})
}

func hasStages(r *harness.Run) bool {
	return r.Stages != nil && len(r.Stages.Parts) == len(harness.StageNames)
}

// stageNotes name the consumers that did not say when they fetched their records.
func (v *view) stageNotes() (notes []string) {
	for _, i := range v.Consumers {
		var where []string
		for _, s := range v.Scenarios {
			c := v.cellOf(s.Name, i.Name)
			if c != nil && slices.ContainsFunc(v.runsWithStages(c), func(r *harness.Run) bool { return r.Stages.Unfetched > 0 }) {
				where = append(where, s.Name)
			}
		}
		if len(where) > 0 {
			notes = append(notes, fmt.Sprintf("%s did not say when it fetched some records on %s: they count as fetched when their work began", i.Name, joinWords(where)))
		}
	}
	return notes
}

// benchStages are the stages of a run that passed.
func benchStages(r *harness.Run) (ms []measured) {
	if !r.KeptClaims() || !hasStages(r) {
		return nil
	}
	for i, p := range r.Stages.Parts {
		name := strings.ReplaceAll(harness.StageNames[i], " ", "-")
		if r.Saturated != "" {
			name += "-saturated"
		}
		ms = append(ms, measured{p.Share, "of-latency-" + name}, measured{p.Latency.P50.Seconds(), "p50-" + name + "-sec"}, measured{p.Latency.P99.Seconds(), "p99-" + name + "-sec"})
	}
	return ms
}
