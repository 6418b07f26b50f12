package docker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const pollEvery = 100 * time.Millisecond

// final marks an error that waiting will not mend.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// until calls try every 100 ms until it returns nil or an error marked [final],
// or ctx ends: then its error says why, and what was still wrong before.
func until(ctx context.Context, try func(context.Context) error) error {
	var wrong error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if errors.As(err, new(final)) {
			return err
		}
		if wrong == nil || ctx.Err() == nil {
			wrong = err // an error of the end of ctx would hide the reason
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), wrong)
		case <-time.After(pollEvery):
		}
	}
}
