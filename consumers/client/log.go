package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
)

// LogFailure logs why a step of the consumer failed, as in "commit failed: UNKNOWN_MEMBER_ID".
// No error is no failure, and neither is the end of a context.
func LogFailure(cfg harness.Config, step string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		cfg.Logger().Warn(step + " failed: " + summarizeErrors(err))
	}
}

// summarizeErrors says each cause once. Of an error of Kafka only the name is left, since its
// explanation is in Kafka's documentation.
func summarizeErrors(err error) string {
	var order []string
	times := map[string]int{}
	for _, cause := range splitErrors(err) {
		text := cause.Error()
		if of := (*kerr.Error)(nil); errors.As(cause, &of) {
			text = of.Message
		}
		if times[text]++; times[text] == 1 {
			order = append(order, text)
		}
	}
	for i, text := range order {
		if n := times[text]; n > 1 {
			order[i] = fmt.Sprintf("%s (%d partitions)", text, n)
		}
	}
	return strings.Join(order, ", ")
}

// splitErrors are the errors that were joined.
func splitErrors(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		all = append(all, splitErrors(e)...)
	}
	return all
}
