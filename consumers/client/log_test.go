package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
)

func TestFailureIsLoggedInAFewWords(t *testing.T) {
	refused := func(p int) error { return fmt.Errorf("commit source/%d: %w", p, kerr.RebalanceInProgress) }
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{fmt.Errorf("poll: %w", context.Canceled), ""},
		{errDown, "commit failed: down"},
		{refused(1), "commit failed: REBALANCE_IN_PROGRESS"},
		{errors.Join(refused(1), errors.Join(refused(2), refused(3)), errDown), "commit failed: REBALANCE_IN_PROGRESS (3 partitions), down"},
	} {
		var out bytes.Buffer
		LogFailure(harness.Config{Log: slog.New(slog.NewTextHandler(&out, nil))}, "commit", c.err)
		if c.want == "" != (out.Len() == 0) || !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: logged %q, want %q", c.err, out.String(), c.want)
		}
	}
	LogFailure(harness.Config{}, "commit", errDown) // outside of a run
}
