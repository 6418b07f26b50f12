package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// unrecoverable are the answers of a broker that no waiting mends.
var unrecoverable = []error{
	kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
	kerr.SaslAuthenticationFailed, kerr.InvalidGroupID, kerr.InconsistentGroupProtocol,
	kerr.InvalidSessionTimeout, kerr.GroupMaxSizeReached, kerr.FencedInstanceID,
	kerr.UnsupportedVersion, kerr.UnsupportedAssignor, kgo.ErrClientClosed,
}

// FatalError returns the first error of a poll that ends a consumer, or nil. Of the
// others the client recovers by itself: it reports a lost session while it
// joins again, and a log that shrank after it has gone back.
func FatalError(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		for _, h := range unrecoverable {
			if errors.Is(e.Err, h) {
				return fmt.Errorf("poll %s/%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
	}
	return nil
}

// PauseRetry is between two tries, and returns an error once there shall be no other.
func PauseRetry(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w (last: %w)", ctx.Err(), err)
	case <-time.After(retryPause):
		return nil
	}
}
