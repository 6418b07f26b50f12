//go:build synctests

package mutants_test

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
)

// A run with such a consumer cannot end. That is the consumer's failure, and not the harness's.
func TestConsumerThatSpinsFailsAndIsNamed(t *testing.T) {
	r := trial.RunOn(t, "virtual", scenarios["steady"], "spins-at-the-end", 1)
	if r.Status != harness.Fail || len(r.Reasons) == 0 || !strings.Contains(r.Reasons[0], "spins: ") || !strings.Contains(r.Reasons[0], "ListOffsets requests") {
		t.Errorf("%s: %q", r.Status, r.Reasons)
	}
}
