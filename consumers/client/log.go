package client

import (
	"context"
	"errors"

	"github.com/stampede-bench/stampede/harness"
)

// LogFailure logs why a step of the consumer failed, as in "commit failed: UNKNOWN_MEMBER_ID".
// No error is no failure, and neither is the end of a context.
func LogFailure(cfg harness.Config, step string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		cfg.Logger().Warn(step+" failed", "err", err)
	}
}
