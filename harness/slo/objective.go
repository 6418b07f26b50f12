package slo

import (
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness/metric"
)

// Op compares a value with a limit.
type Op string

// The comparisons.
const (
	Below   Op = "<"
	AtMost  Op = "<="
	Above   Op = ">"
	AtLeast Op = ">="
)

// isUpper reports whether the limit is one from above.
func (op Op) isUpper() bool { return op == Below || op == AtMost }

// holds reports whether a value keeps the limit.
func (op Op) holds(v, limit float64) bool {
	switch op {
	case Below:
		return v < limit
	case AtMost:
		return v <= limit
	case Above:
		return v > limit
	case AtLeast:
		return v >= limit
	}
	return false
}

// Objective is one condition on a metric of a run.
type Objective struct {
	Metric *metric.Metric
	Fault  string // Fault is the name of the faults that it is about; "" for all.
	Phase  string // Phase whose records count; "" for all measured ones.
	Op     Op
	Limit  float64 // Limit in the unit of the metric: seconds, a share of 1, bytes or records.
}

// String is the objective as [Parse] reads it.
func (o Objective) String() string {
	return o.subject() + string(o.Op) + formatLimit(o.Limit, o.Metric.Unit)
}

// subject is what the objective limits.
func (o Objective) subject() string {
	s := o.Metric.Name
	if o.Fault != "" {
		s += "(" + o.Fault + ")"
	}
	if o.Phase != "" {
		s += "@" + o.Phase
	}
	return s
}

// rival reports whether two objectives limit the same from the same side.
func (o Objective) rival(p Objective) bool {
	return o.subject() == p.subject() && o.Op.isUpper() == p.Op.isUpper()
}

// Objectives are all that a run must reach. Nil asks for nothing.
type Objectives []Objective

// String is the objectives as [Parse] reads them.
func (o Objectives) String() string {
	var parts []string
	for _, one := range o {
		parts = append(parts, one.String())
	}
	return strings.Join(parts, ", ")
}

// With is o with the objectives of another list in place of those of the same metric and
// direction, and behind the rest. It returns an error if they contradict each other.
func (o Objectives) With(over Objectives) (Objectives, error) {
	all := slices.DeleteFunc(slices.Clone(o), func(p Objective) bool { return slices.ContainsFunc(over, p.rival) })
	all = append(all, over...)
	return all, all.checkTogether()
}

// Limit is the limit on a metric from above, of all faults and measured phases; ok is false
// without one.
func (o Objectives) Limit(name string) (limit float64, ok bool) {
	for _, one := range o {
		if one.Metric.Name == name && one.Fault == "" && one.Phase == "" && one.Op.isUpper() {
			return one.Limit, true
		}
	}
	return 0, false
}
