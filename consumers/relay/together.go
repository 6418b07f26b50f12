package relay

import (
	"context"
	"errors"
)

// RunTogether runs the parts of a consumer at the same time, for example its members of
// several groups. The first part that returns ends the context of the others. The error
// joins those of all parts.
func RunTogether(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() {
			defer cancel()
			ended <- part(ctx)
		}()
	}
	var errs error
	for range parts {
		errs = errors.Join(errs, <-ended)
	}
	return errs
}
