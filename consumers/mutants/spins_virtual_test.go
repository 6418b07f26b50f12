//go:build synctests

package mutants_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
)

// A run with such a consumer cannot end. That is the consumer's failure, and not the harness's.
// It takes half a minute of a processor, and TestRunWithEndlessRequestsIsCutShort in harness/bench
// has the same with another request.
func TestConsumerThatSpinsFailsAndIsNamed(t *testing.T) {
	if os.Getenv("STAMPEDE_SPINS") == "" {
		t.Skip("takes long: set STAMPEDE_SPINS=1")
	}
	r := trial.RunOn(t, "virtual", scenarios["steady"], "spins-at-the-end", 1)
	if r.Status != harness.Fail || len(r.Reasons) == 0 || !strings.Contains(r.Reasons[0], "spins: ") || !strings.Contains(r.Reasons[0], "ListOffsets requests") {
		t.Errorf("%s: %q", r.Status, r.Reasons)
	}
}
