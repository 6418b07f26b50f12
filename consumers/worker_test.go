package consumers

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

type doing func(context.Context, *harness.Record) error

func (d doing) Do(ctx context.Context, r *harness.Record) error { return d(ctx, r) }

var errWork = errors.New("work failed")

func TestWorkerTriesAgainUntilTheEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := given(t, 1)
		tries := 0
		w := worker{work: doing(func(context.Context, *harness.Record) error {
			if tries++; tries < 20 {
				return errWork
			}
			return nil
		})}
		w.run(task{record: &kgo.Record{}, from: a})
		if tries != 20 {
			t.Errorf("%d tries, want 20", tries)
		}
		if _, ok := a.uncommitted(0); !ok {
			t.Error("nothing to commit after the effect")
		}
	})
}

func TestWorkerGivesUpOnlyWithItsAssignment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := given(t, 1)
		tries := 0
		w := worker{work: doing(func(context.Context, *harness.Record) error {
			if tries++; tries == 3 {
				a.halt()
				a.cancel()
			}
			return harness.ErrPoison
		})}
		w.run(task{record: &kgo.Record{}, from: a})
		if tries != 3 {
			t.Errorf("%d tries, want 3", tries)
		}
		if _, ok := a.uncommitted(0); ok {
			t.Error("a record without effect is there to commit")
		}
		if !quiet(a) {
			t.Error("the record counts as in work")
		}
		w.run(task{record: &kgo.Record{}, from: a})
		if tries != 3 {
			t.Error("work on a record of an assignment that has ended")
		}
	})
}

func TestFillReusesHeaders(t *testing.T) {
	from := &kgo.Record{
		Topic: "t", Partition: 3, Offset: 9, Key: []byte("k"), Value: []byte("v"),
		Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b"}},
	}
	var to harness.Record
	fill(&to, from)
	if to.Topic != "t" || to.Partition != 3 || to.Offset != 9 || string(to.Key) != "k" || string(to.Value) != "v" ||
		len(to.Headers) != 2 || to.Headers[0].Key != "a" || string(to.Headers[0].Value) != "1" {
		t.Fatalf("filled %+v", to)
	}
	empty(&to)
	if to.Value != nil || to.Key != nil || len(to.Headers) != 0 || to.Headers[:1][0].Value != nil {
		t.Errorf("an empty record points to %+v", to)
	}
	if n := testing.AllocsPerRun(10, func() { fill(&to, from); empty(&to) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFatalTellsWhatWaitingMends(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"context": {context.Canceled, false},
		"loss":    {&kgo.ErrDataLoss{Topic: "t"}, false},
		"session": {&kgo.ErrGroupSession{Err: errWork}, false},
		"denied":  {&kgo.ErrGroupSession{Err: hopeless[1]}, true},
		"closed":  {kgo.ErrClientClosed, true},
	} {
		err := fatal(kgo.NewErrFetch(c.err))
		if (err != nil) != c.want || c.want && !errors.Is(err, c.err) {
			t.Errorf("%s: fatal says %v", name, err)
		}
	}
}

func TestBadConfigIsRefused(t *testing.T) {
	for want, cfg := range map[string]harness.Config{
		"protocol": {Seeds: []string{"localhost:1"}, Protocol: "none"},
		"seeds":    {Protocol: harness.Eager},
	} {
		if _, err := newClient(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error about the %s", err, want)
		}
	}
}

// With a seed dead the client must not notice.
func TestAnySeedWillDo(t *testing.T) {
	var tried []string
	dial := dialer(harness.Config{Seeds: []string{"a:1", "b:1", "c:1"}, Dialer: func(_ context.Context, _, address string) (net.Conn, error) {
		if tried = append(tried, address); address == "b:1" {
			return &net.TCPConn{}, nil
		}
		return nil, errWork
	}})
	if conn, err := dial(t.Context(), "tcp", bootstrap); err != nil || conn == nil || !slices.Equal(tried, []string{"a:1", "b:1"}) {
		t.Errorf("dialed %v: %v, %v", tried, conn, err)
	}
	if _, err := dial(t.Context(), "tcp", "a:1"); !errors.Is(err, errWork) {
		t.Errorf("dialed a broker that is dead: %v", err)
	}
}
