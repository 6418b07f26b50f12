package engine

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// CheckDeclarations returns an error if what a consumer declares about itself cannot be
// meant in a scenario. It names the field, and starts nothing.
func CheckDeclarations(s *harness.Scenario, c harness.Selection) error {
	i := c.Implementation
	if err := checkExpectations(i); err != nil {
		return err
	}
	cfg, err := consumerConfig(s, c, 0)
	if err != nil {
		return err
	}
	if err := checkPodSize(&cfg); err != nil {
		return fmt.Errorf("consumer %s in scenario %s: %w", c.Name(), s.Name, err)
	}
	if err := i.ValidateUnder(cfg); err != nil {
		return fmt.Errorf("consumer %s in scenario %s: %w", c.Name(), s.Name, err)
	}
	return nil
}

// checkExpectations returns an error if a consumer is expected to fail a check that does
// not exist, or in a scenario whose name is misspelled. The error has the nearest name.
func checkExpectations(i *harness.Implementation) error {
	for _, e := range i.MustFail {
		if err := checkSpelling(e.Scenario); err != nil {
			return fmt.Errorf("consumer %s must fail in a scenario: %w", i.Name, err)
		}
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

// checkSpelling returns an error if a scenario is not registered and another one has
// nearly its name. A scenario with no similar name may be one that this program does not
// link.
func checkSpelling(scenario string) error {
	_, err := harness.FindScenario(scenario)
	for _, s := range harness.Scenarios() {
		if err != nil && harness.EditDistance(scenario, s.Name) <= 2 {
			return err
		}
	}
	return nil
}
