package fault

import (
	"context"
	"fmt"
	"time"
)

// returnTimeout is how long a fault may go on after the end of its context.
const returnTimeout = 30 * time.Second

// stuckError says that a fault does not return.
type stuckError struct{}

func (stuckError) Error() string {
	return fmt.Sprintf("it has not returned %v after the end of its context: a fault returns soon once its context has ended", returnTimeout)
}

// callFault calls a function of a fault and returns its result. A fault of another module
// may ignore its context: then callFault gives up, and the call goes on in the background.
func callFault[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	returned := make(chan result, 1)
	go func() {
		value, err := call()
		returned <- result{value, err}
	}()
	select {
	case r := <-returned:
		return r.value, r.err
	case <-ctx.Done():
	}
	patience := time.NewTimer(returnTimeout)
	defer patience.Stop()
	select {
	case r := <-returned:
		return r.value, r.err
	case <-patience.C:
		var none T
		return none, stuckError{}
	}
}

// callAction is [callFault] for a function without a result.
func callAction(ctx context.Context, call func(context.Context) error) error {
	_, err := callFault(ctx, func() (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}
