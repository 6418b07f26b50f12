package virtual

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// connected is both ends of a connection on a network with one listener.
func connected(t *testing.T) (client, server net.Conn) {
	t.Helper()
	n := newNetwork()
	addr, _, err := n.Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := n.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	if client, err = n.Dial(t.Context(), "tcp", addr); err != nil {
		t.Fatal(err)
	}
	return client, <-accepted
}

func TestReadReturnsWhatWasWritten(t *testing.T) {
	client, server := connected(t)
	for _, text := range []string{"one", "two"} { // before the first read
		if _, err := io.WriteString(client, text); err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	all, err := io.ReadAll(server)
	if err != nil || string(all) != "onetwo" {
		t.Errorf("read %q, %v", all, err)
	}
	if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write to an end that is closed: %v", err)
	}
	for _, do := range []func([]byte) (int, error){client.Read, client.Write} {
		if _, err := do([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("use after Close: %v", err)
		}
	}
}

func TestResetDropsBytesInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connected(t)
		if _, err := server.Write([]byte("lost")); err != nil {
			t.Fatal(err)
		}
		server.(interface{ SetLinger(int) error }).SetLinger(0)
		server.Close()
		n, err := client.Read(make([]byte, 10))
		var typed *net.OpError
		if n != 0 || !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &typed) {
			t.Errorf("read %d, %v (%T)", n, err, err)
		}
	})
}

func TestCloseWakesAReader(t *testing.T) {
	for name, closing := range map[string]func(client, server net.Conn){
		"its own end":   func(client, _ net.Conn) { client.Close() },
		"the other end": func(_, server net.Conn) { server.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := connected(t)
				ended := make(chan error, 1)
				go func() {
					_, err := client.Read(make([]byte, 1))
					ended <- err
				}()
				synctest.Wait()
				closing(client, server)
				if err := <-ended; err == nil {
					t.Error("read from a closed connection")
				}
			})
		})
	}
}

func TestReadEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connected(t)
		start := time.Now()
		var one [1]byte
		passes := func(after time.Duration) {
			t.Helper()
			_, err := client.Read(one[:])
			if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != after {
				t.Errorf("read ended after %v with %v, want the deadline of %v", time.Since(start), err, after)
			}
		}
		client.SetReadDeadline(start.Add(time.Second))
		passes(time.Second)
		passes(time.Second) // it stays

		client.SetReadDeadline(start.Add(2 * time.Second))
		time.AfterFunc(500*time.Millisecond, func() { client.SetReadDeadline(start.Add(5 * time.Second)) })
		passes(5 * time.Second)

		client.SetReadDeadline(start.Add(time.Hour))
		time.AfterFunc(time.Second, func() { client.SetReadDeadline(start.Add(7 * time.Second)) })
		passes(7 * time.Second)

		client.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { client.SetReadDeadline(start.Add(9 * time.Second)) })
		passes(9 * time.Second)

		client.SetReadDeadline(start.Add(10 * time.Second))
		time.AfterFunc(time.Minute, func() { server.Write([]byte("x")) })
		client.SetReadDeadline(time.Time{})
		if _, err := client.Read(one[:]); err != nil || time.Since(start) < time.Minute {
			t.Errorf("without a deadline: %v after %v", err, time.Since(start))
		}
	})
}

func TestDialWithoutListenerIsRefused(t *testing.T) {
	n := newNetwork()
	addr, _, err := n.Reserve(1)
	if err != nil {
		t.Fatal(err)
	}
	refuses := func(when string) {
		t.Helper()
		_, err := n.Dial(t.Context(), "tcp", addr)
		var typed *net.OpError
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &typed) || typed.Op != "dial" {
			t.Errorf("%s: %v", when, err)
		}
	}
	refuses("before there is a listener")
	ln, err := n.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Listen(addr); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second listener: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Dial(ctx, "tcp", addr); !errors.Is(err, context.Canceled) {
		t.Errorf("dial of a listener that does not accept: %v", err)
	}
	ln.Close()
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after Close: %v", err)
	}
	refuses("after its Close")
}

// TestTag checks that the back end refuses to start where it would hang.
func TestTag(t *testing.T) {
	err := Backend{}.Preflight(t.Context())
	if tagged != (err == nil) {
		t.Errorf("prepare: %v", err)
	}
	if !tagged {
		if _, err := (Backend{}).Start(t.Context(), harness.ClusterSpec{}); !errors.Is(err, ErrTag) {
			t.Errorf("start: %v", err)
		}
	}
}

// TestStreamReusesTheSpaceOfReadBytes keeps a reader slightly behind, as with
// pipelined requests. The stream must not keep all bytes that it ever carried.
func TestStreamReusesTheSpaceOfReadBytes(t *testing.T) {
	s, block := newStream(), make([]byte, 1<<10)
	if _, err := s.appendData([]byte{1}); err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		if _, err := s.appendData(block); err != nil {
			t.Fatal(err)
		}
		if n, err := s.readData(block); n != len(block) || err != nil {
			t.Fatal(n, err)
		}
	}
	if held := cap(s.data); held > 64<<10 {
		t.Errorf("%d KiB are held for one byte under way", held>>10)
	}
}

// Thousands of connections wait at a time, and each has carried a large response.
func TestEmptyStreamKeepsLittleRoom(t *testing.T) {
	s, block := newStream(), make([]byte, 64<<10)
	if _, err := s.appendData(block); err != nil {
		t.Fatal(err)
	}
	if n, err := s.readData(block); n != len(block) || err != nil {
		t.Fatal(n, err)
	}
	if held := cap(s.data); held > keptRoom {
		t.Errorf("an empty stream holds %d bytes", held)
	}
}
