package stampede

import (
	"errors"
	"os"

	"github.com/stampede-bench/stampede/harness"
)

// make golden-run saves a comparison with one skipped run. No consumer here is
// skipped in virtual time, so it registers one that is.
var _ = func() bool {
	if os.Getenv("STAMPEDE_GOLDEN") == "" {
		return false
	}
	harness.Register(harness.Implementation{
		Name:     "external",
		Doc:      "Stands for a consumer in another language. Its client needs real time.",
		Use:      "Only in the example of a report.",
		Bound:    "Unknown.",
		Crash:    "Unknown.",
		Delivery: harness.AtLeastOnce,
		Order:    harness.OrderPartition,
		RealTime: "its client is written in another language",
		New:      func(harness.Config) (harness.Consumer, error) { return nil, errors.New("external does not run here") },
	})
	return true
}()
