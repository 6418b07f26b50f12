package pod_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/pod"
)

// A dead pod's consumer that retries without a wait must not stop virtual time.
func TestLocalRecordsHowAPodEndedGoroutinesThatRetryForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := local(t, 1, func(_ context.Context, _ harness.Config, w harness.Work) error {
			for {
				_ = w.Do(context.Background(), numbered(0))
			}
		}, nil)
		time.Sleep(time.Second / 2)
		kill(t, f)
		if got, want := outcomes(t, f, 0), []ledger.Outcome{open}; !slices.Equal(got, want) {
			t.Errorf("journal %v, want %v", got, want)
		}
	})
}

// echo is a network with a peer that returns each byte 200 ms later. hungUp is closed
// with the connection.
func echo(hungUp chan struct{}) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer close(hungUp)
			var b [1]byte
			for {
				if _, err := server.Read(b[:]); err != nil {
					return
				}
				time.Sleep(200 * time.Millisecond)
				server.Write(b[:])
			}
		}()
		return client, nil
	}
}

// chatty is a consumer that sends a byte every second and never closes its connection.
// heard counts the responses.
func chatty(heard *atomic.Int64) consumerFunc {
	return func(ctx context.Context, cfg harness.Config, _ harness.Work) error {
		c, err := cfg.Dialer(ctx, "tcp", "broker:9092")
		if err != nil {
			return err
		}
		for ctx.Err() == nil {
			time.Sleep(time.Second)
			var b [1]byte
			if _, err := c.Write(b[:]); err != nil {
				return err
			}
			if _, err := c.Read(b[:]); err != nil {
				return err
			}
			heard.Add(1)
		}
		return nil
	}
}

func TestLocalPauseAndDeathHoldConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard atomic.Int64
		hungUp := make(chan struct{})
		f := local(t, 1, chatty(&heard), func(o *pod.Options) { o.Config.Dialer = echo(hungUp) })
		one := f.Pods()[0]
		heardIs := func(when string, want int64) {
			t.Helper()
			if got := heard.Load(); got != want {
				t.Errorf("%s it had heard %d answers, want %d", when, got, want)
			}
		}
		time.Sleep(2300 * time.Millisecond) // it has written the second byte
		one.(harness.Pauser).Pause(t.Context())
		time.Sleep(time.Minute)
		heardIs("paused with an answer under way", 1)
		one.(harness.Pauser).Resume(t.Context())
		synctest.Wait()
		heardIs("resumed", 2)
		time.Sleep(500 * time.Millisecond)
		one.(harness.Pauser).Pause(t.Context())
		time.Sleep(time.Minute)
		one.(harness.Pauser).Resume(t.Context())
		synctest.Wait()
		heardIs("resumed before its write", 2)
		time.Sleep(100 * time.Millisecond)
		if err := one.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-hungUp
		kill(t, f)
		heardIs("dead", 2)
	})
}

// Clients decide by the type of an error whether to wait before they retry.
func TestLocalDeadPodGetsNetworkErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hungUp := make(chan struct{})
		var errs []error
		f := local(t, 1, func(ctx context.Context, cfg harness.Config, _ harness.Work) error {
			c, err := cfg.Dialer(ctx, "tcp", "broker")
			if err != nil {
				return err
			}
			<-ctx.Done()
			_, read := c.Read(make([]byte, 1))
			_, write := c.Write([]byte{1})
			_, dial := cfg.Dialer(context.Background(), "tcp", "broker")
			errs = []error{read, write, dial}
			return nil
		}, func(o *pod.Options) { o.Config.Dialer = echo(hungUp) })
		synctest.Wait()
		kill(t, f)
		<-hungUp
		for i, err := range errs {
			var typed *net.OpError
			if !errors.As(err, &typed) {
				t.Errorf("%s: %v (%T)", []string{"read", "write", "dial"}[i], err, err)
			}
		}
		if len(errs) != 3 {
			t.Error("it did not come so far")
		}
	})
}

func TestLocalRecordsHowAPodEnded(t *testing.T) {
	stuck := func(ctx context.Context, _ harness.Config, w harness.Work) error {
		_ = w.Do(context.WithoutCancel(ctx), numbered(0))
		time.Sleep(time.Minute)
		return nil
	}
	for name, c := range map[string]struct {
		consume      consumerFunc
		end          func(context.Context, *pod.Local) error // nil: it ends by itself
		exit         string
		intended     bool
		unresponsive bool
		words        string
	}{
		"asked":            {busy, stopPod, "exit status 0", true, false, ""},
		"asked and paused": {busy, pauseAndStop, "exit status 0", true, false, ""},
		"unresponsive":     {stuck, stopPod, "signal: killed", true, true, ""},
		"fails when asked": {func(ctx context.Context, _ harness.Config, _ harness.Work) error {
			<-ctx.Done()
			return errors.New("not gone well")
		}, stopPod, "exit status 4", true, false, "not gone well"},
		"is nil":               {nil, nil, "exit status 4", false, false, "make consumer test-func: New returned nil and no error"},
		"returns":              {func(context.Context, harness.Config, harness.Work) error { return nil }, nil, "exit status 3", false, false, "before it was asked"},
		"fails":                {func(context.Context, harness.Config, harness.Work) error { return errors.New("no idea") }, nil, "exit status 4", false, false, "no idea"},
		"is allowed to return": {returnsIn(time.Second), allowEnd, "exit status 3", true, false, "before it was asked"},
		"panics":               {func(context.Context, harness.Config, harness.Work) error { panic("record 21") }, nil, "exit status 2", false, false, "record 21"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var exited []pod.Incarnation
				f := local(t, 1, c.consume, func(o *pod.Options) {
					o.Exited = func(in pod.Incarnation) { exited = append(exited, in) }
				})
				defer kill(t, f)
				time.Sleep(500 * time.Millisecond)
				if c.end != nil {
					if err := c.end(t.Context(), f); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				in := f.Incarnations()[0]
				if in.Down == 0 || in.Exit != c.exit || in.Intended != c.intended || in.Unresponsive != c.unresponsive || !strings.Contains(in.Stderr, c.words) {
					t.Errorf("ended as %+v", in)
				}
				if (len(exited) == 1) == c.intended {
					t.Errorf("asked %v, and %d exits were told", c.intended, len(exited))
				}
			})
		})
	}
}

func stopPod(ctx context.Context, f *pod.Local) error {
	return f.Pods()[0].(harness.Leaver).Stop(ctx)
}

// returnsIn is a consumer that returns by itself after a time.
func returnsIn(after time.Duration) func(context.Context, harness.Config, harness.Work) error {
	return func(context.Context, harness.Config, harness.Work) error {
		time.Sleep(after)
		return nil
	}
}

func allowEnd(_ context.Context, f *pod.Local) error {
	defer time.Sleep(time.Second)
	return f.Pods()[0].(harness.EndAllower).AllowEnd()
}

func pauseAndStop(ctx context.Context, f *pod.Local) error {
	if err := f.Pods()[0].(harness.Pauser).Pause(ctx); err != nil {
		return err
	}
	return stopPod(ctx, f)
}

func TestLocalPodDiesOfAPanicOfItsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var exited []pod.Incarnation
		f := local(t, 1, busy, func(o *pod.Options) {
			o.Failures.Panic = 1
			o.Exited = func(in pod.Incarnation) { exited = append(exited, in) }
		})
		defer kill(t, f)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(exited) != 1 || exited[0].Exit != "exit status 2" || !strings.Contains(exited[0].Stderr, "panic") {
			t.Errorf("exited %+v", exited)
		}
		if got, want := outcomes(t, f, 0), []ledger.Outcome{ledger.OutcomeError}; !slices.Equal(got, want) {
			t.Errorf("journal %v, want %v", got, want)
		}
	})
}
