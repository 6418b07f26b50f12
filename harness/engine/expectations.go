package engine

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// CheckExpectations returns an error if a consumer is expected to fail a check that does
// not exist. The error has the nearest name.
func CheckExpectations(i *harness.Implementation) error {
	for _, e := range i.MustFail {
		if err := oracle.FindCheck(e.Check); err != nil {
			return fmt.Errorf("consumer %s must fail a check in scenario %s: %w", i.Name, e.Scenario, err)
		}
	}
	for _, a := range i.MayFail {
		if err := oracle.FindCheck(a.Check); err != nil {
			return fmt.Errorf("consumer %s may fail a check: %w", i.Name, err)
		}
	}
	return nil
}
