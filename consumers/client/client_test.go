package client

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/internal/allocs"
	"github.com/twmb/franz-go/pkg/kgo"
)

var errDown = errors.New("down")

func TestFillRecordAllocatesNothing(t *testing.T) {
	from := &kgo.Record{
		Topic: "t", Partition: 3, Offset: 9, Key: []byte("k"), Value: []byte("v"),
		Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b"}},
	}
	var to harness.Record
	FillRecord(&to, from)
	if to.Topic != "t" || to.Partition != 3 || to.Offset != 9 || string(to.Key) != "k" || string(to.Value) != "v" ||
		len(to.Headers) != 2 || to.Headers[0].Key != "a" || string(to.Headers[0].Value) != "1" {
		t.Fatalf("filled %+v", to)
	}
	ClearRecord(&to)
	if to.Value != nil || to.Key != nil || len(to.Headers) != 0 || to.Headers[:1][0].Value != nil {
		t.Errorf("an empty record points to %+v", to)
	}
	if n := allocs.PerRun(t, 10, func() { FillRecord(&to, from); ClearRecord(&to) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFatalErrorIgnoresErrorsThatPass(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"context": {context.Canceled, false},
		"loss":    {&kgo.ErrDataLoss{Topic: "t"}, false},
		"session": {&kgo.ErrGroupSession{Err: errDown}, false},
		"denied":  {&kgo.ErrGroupSession{Err: unrecoverable[1]}, true},
		"closed":  {kgo.ErrClientClosed, true},
	} {
		err := FatalError(harness.Config{}, kgo.NewErrFetch(c.err))
		if (err != nil) != c.want || c.want && !errors.Is(err, c.err) {
			t.Errorf("%s: fatal says %v", name, err)
		}
	}
}

func TestInvalidConfigIsRejected(t *testing.T) {
	for want, cfg := range map[string]harness.Config{
		"protocol": {Seeds: []string{"localhost:1"}, Protocol: "none"},
		"seeds":    {Protocol: harness.Eager},
	} {
		if _, err := NewMember(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error about the %s", err, want)
		}
	}
}

// Without a pause a KIP-848 member whose pod has no network dials as fast as a processor can.
func TestFailedDialPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := newDialer(harness.Config{Seeds: []string{"a:1", "b:1"}, Dialer: func(context.Context, string, string) (net.Conn, error) { return nil, errDown }})
		ended, end := context.WithCancel(t.Context())
		end()
		for _, c := range []struct {
			ctx     context.Context
			address string
			paused  time.Duration
		}{{t.Context(), bootstrap, failedDialPause}, {t.Context(), "c:1", failedDialPause}, {ended, bootstrap, 0}} {
			before := time.Now()
			if _, err := dial(c.ctx, "tcp", c.address); !errors.Is(err, errDown) {
				t.Errorf("%s: %v", c.address, err)
			}
			if took := time.Since(before); took != c.paused {
				t.Errorf("a failed dial of %s took %v, want %v", c.address, took, c.paused)
			}
		}
	})
}

// With a seed dead the client must not notice.
func TestClientUsesAnySeedThatAnswers(t *testing.T) {
	var tried []string
	dial := newDialer(harness.Config{Seeds: []string{"a:1", "b:1", "c:1"}, Dialer: func(_ context.Context, _, address string) (net.Conn, error) {
		if tried = append(tried, address); address == "b:1" {
			return &net.TCPConn{}, nil
		}
		return nil, errDown
	}})
	if conn, err := dial(t.Context(), "tcp", bootstrap); err != nil || conn == nil || !slices.Equal(tried, []string{"a:1", "b:1"}) {
		t.Errorf("dialed %v: %v, %v", tried, conn, err)
	}
	if _, err := dial(t.Context(), "tcp", "a:1"); !errors.Is(err, errDown) {
		t.Errorf("dialed a broker that is dead: %v", err)
	}
}
