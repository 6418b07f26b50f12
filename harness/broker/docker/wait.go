package docker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const pollEvery = 100 * time.Millisecond

// permanentError marks an error that does not go away by waiting.
type permanentError struct{ error }

func (f permanentError) Unwrap() error { return f.error }

// retryUntil calls try every 100 ms until it returns nil or a [permanentError].
// If ctx ends first, the error has its cause and the last error of try.
func retryUntil(ctx context.Context, try func(context.Context) error) error {
	var wrong error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if errors.As(err, new(permanentError)) {
			return err
		}
		if wrong == nil || ctx.Err() == nil {
			wrong = err // the error of a cancelled try would hide the reason
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), wrong)
		case <-time.After(pollEvery):
		}
	}
}
