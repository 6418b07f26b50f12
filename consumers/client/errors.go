package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// unrecoverable are errors that do not pass with time.
var unrecoverable = []error{
	kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
	kerr.SaslAuthenticationFailed, kerr.InvalidGroupID, kerr.InconsistentGroupProtocol,
	kerr.InvalidSessionTimeout, kerr.GroupMaxSizeReached, kerr.FencedInstanceID,
	kerr.UnsupportedVersion, kerr.UnsupportedAssignor, kgo.ErrClientClosed,
}

// FatalError returns the first error of a poll that ends the consumer, such as a missing
// permission, or nil. The client recovers from the others: a lost session, after which it
// joins again, or a truncated log. All are logged.
func FatalError(cfg harness.Config, fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		LogFailure(cfg, "poll", e.Err)
		for _, h := range unrecoverable {
			if errors.Is(e.Err, h) {
				return fmt.Errorf("poll %s/%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
	}
	return nil
}

// IsTopicRecreated reports whether a poll says that a topic is not the one that the client knew: it
// was deleted and created again. The client keeps to the id that it knew. Only a new client reads
// the new topic.
func IsTopicRecreated(fetches kgo.Fetches) bool {
	for _, e := range fetches.Errors() {
		if errors.Is(e.Err, kerr.UnknownTopicID) {
			return true
		}
	}
	return false
}

// PauseRetry pauses 100 ms between two attempts; err is why the last failed. It returns an
// error, with err in it, once ctx has ended.
func PauseRetry(ctx context.Context, err error) error {
	if !waitFor(ctx, retryPause) {
		return fmt.Errorf("%w (last: %w)", ctx.Err(), err)
	}
	return nil
}
