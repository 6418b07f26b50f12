package slo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stampede-bench/stampede/harness/metric"
)

const syntax = "write a list as p99<500ms, trend<1%, recovery(kill broker)<30s, p99@steady<1s, rss-max<64MiB"

// Parse reads a list of objectives, separated by commas:
//
//	NAME [(FAULT)] [@PHASE] OP VALUE
//
// NAME is a metric of bench.txt with or without its unit, or any percentile of the end-to-end
// latency, as p99.9. FAULT is the name of a fault, for recovery. PHASE is a phase of the run,
// for a percentile; without it all measured records count. OP is <, <=, > or >=. VALUE has
// the unit of the metric: 500ms, 5s, 1m30s or 2h; 1%; 64MiB; 900/s; or a plain number of
// records. An empty text is no objective.
//
// It returns an error for a text of another form, for a limit given twice, and for objectives
// that no run can meet together.
func Parse(text string) (Objectives, error) {
	var all Objectives
	for rest := strings.TrimSpace(text); rest != ""; {
		at := strings.IndexAny(rest, "<>=")
		if at < 0 {
			return nil, fmt.Errorf("objective %q has no comparison: %s", rest, syntax)
		}
		subject := strings.TrimSpace(rest[:at])
		op, rest2 := cutOp(rest[at:])
		if op == "" {
			return nil, fmt.Errorf("objective %q: want <, <=, > or >= after %s: %s", rest, subject, syntax)
		}
		value, after, more := strings.Cut(rest2, ",")
		o, err := parseObjective(subject, op, strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("objective %s%s%s: %w", subject, op, strings.TrimSpace(value), err)
		}
		all = append(all, o)
		rest = strings.TrimSpace(after)
		if more && rest == "" {
			return nil, fmt.Errorf("objectives %q end in a comma: %s", text, syntax)
		}
	}
	return all, all.checkTogether()
}

// cutOp is the comparison at the start of a text, "" for none, and what follows.
func cutOp(text string) (op Op, rest string) {
	for _, op := range []Op{AtMost, AtLeast, Below, Above} {
		if rest, ok := strings.CutPrefix(text, string(op)); ok {
			return op, rest
		}
	}
	return "", text
}

func parseObjective(subject string, op Op, value string) (o Objective, err error) {
	o.Op = op
	name, phase, hasPhase := strings.Cut(subject, "@")
	name, fault, hasFault := strings.Cut(strings.TrimSpace(name), "(")
	if hasFault {
		inside, closed := strings.CutSuffix(strings.TrimSpace(fault), ")")
		if o.Fault = strings.TrimSpace(inside); !closed || o.Fault == "" {
			return o, fmt.Errorf("want the name of a fault in brackets, as recovery(kill broker)")
		}
	}
	if o.Metric, err = metric.Find(strings.TrimSpace(name)); err != nil {
		return o, err
	}
	if o.Phase = strings.TrimSpace(phase); hasPhase && o.Phase == "" {
		return o, fmt.Errorf("want the name of a phase after @, as p99@steady")
	}
	if o.Phase == metric.AllPhases {
		o.Phase = ""
	}
	switch {
	case o.Fault != "" && o.Metric.OfFault == nil:
		return o, fmt.Errorf("%s is not of a fault: only recovery is, as recovery(%s)", o.Metric.Name, o.Fault)
	case o.Phase != "" && o.Metric.Quantile == 0:
		return o, fmt.Errorf("%s is not of a phase: only percentiles of the latency are, as p99@%s", o.Metric.Name, o.Phase)
	case o.Metric.Check != "" && !op.isUpper():
		return o, fmt.Errorf("%s has a limit from above alone: write < or <=", o.Metric.Name)
	}
	o.Limit, err = parseLimit(value, o.Metric)
	return o, err
}

// checkTogether returns an error for each pair of objectives of which no run meets both, and
// for each limit that is given twice.
func (o Objectives) checkTogether() error {
	var errs []error
	for i, first := range o {
		for _, second := range o[i+1:] {
			switch {
			case first.rival(second):
				errs = append(errs, fmt.Errorf("objectives %s and %s limit the same: write one of them", first, second))
			case contradict(first, second) || contradict(second, first):
				errs = append(errs, fmt.Errorf("no run meets both objectives %s and %s", first, second))
			}
		}
	}
	return errors.Join(errs...)
}

// contradict reports whether the floor that one objective asks for lies above the limit of
// the other. A higher percentile of the same records is at least as high.
func contradict(floor, limit Objective) bool {
	if floor.Op.isUpper() || !limit.Op.isUpper() {
		return false
	}
	same := floor.subject() == limit.subject()
	percentile := floor.Metric.Quantile > 0 && floor.Phase == limit.Phase && floor.Metric.Quantile <= limit.Metric.Quantile
	if !same && !percentile {
		return false
	}
	return floor.Limit > limit.Limit || floor.Limit == limit.Limit && (floor.Op == Above || limit.Op == Below)
}
