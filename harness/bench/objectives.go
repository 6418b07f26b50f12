package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/slo"
)

// checkNamedFaults returns an error for an objective of a fault that none of the scenarios
// injects: no run would ever meet it. Phases have names of faults too, and further ones.
func checkNamedFaults(objectives string, scenarios []harness.Scenario) error {
	all, err := slo.Parse(objectives)
	if err != nil {
		return err
	}
	var names []string
	for i := range scenarios {
		names = append(names, engine.FaultNames(&scenarios[i])...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, o := range all {
		switch {
		case o.Fault == "" || slices.Contains(names, o.Fault):
		case len(names) == 0:
			return fmt.Errorf("objective %s: no scenario of this run injects a fault", o)
		default:
			return fmt.Errorf("objective %s: no scenario of this run injects the fault %s; they inject %s", o, o.Fault, strings.Join(names, ", "))
		}
	}
	return nil
}
