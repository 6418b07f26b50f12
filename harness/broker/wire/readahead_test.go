package wire

import (
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// heldConn is a TCP connection whose first EndTxn waits until free is closed. client is its
// other end, and the requests have been sent.
func heldConn(t *testing.T, requests []byte) (c *Conn, client net.Conn, free chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	raw, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	rules := new(Rules)
	free = make(chan struct{})
	apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), Limit: 1, Hold: free})
	c = Wrap(raw, &Line{Now: time.Now().UnixNano, Rules: rules, Observer: Observer{Wants: wantsNone}})
	t.Cleanup(func() { c.Close() })
	if _, err := client.Write(requests); err != nil {
		t.Fatal(err)
	}
	return c, client, free
}

// TestHeldRequestOfAClientThatWentAwayIsLost: the client gives the request up and closes its
// connection. What it does next on another one must not be overtaken by the old request.
func TestHeldRequestOfAClientThatWentAwayIsLost(t *testing.T) {
	c, client, free := heldConn(t, endTxn("a", 1))
	defer close(free)
	client.Close()
	if n, err := c.Read(make([]byte, 1000)); n > 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("the broker got %d bytes, error %v", n, err)
	}
}

// TestRequestsBehindAHeldOneComeInOrder: the client sends more while its first request waits.
func TestRequestsBehindAHeldOneComeInOrder(t *testing.T) {
	c, client, free := heldConn(t, endTxn("a", 1))
	later := slices.Concat(endTxn("b", 2), endTxn("c", 3))
	if _, err := client.Write(later[:20]); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, func() { close(free) })
	want := slices.Concat(endTxn("a", 1), later, endTxn("d", 4))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got[:len(endTxn("a", 1))]); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write(slices.Concat(later[20:], endTxn("d", 4))); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, got[len(endTxn("a", 1)):]); err != nil || !slices.Equal(got, want) {
		t.Errorf("error %v, the broker got\n% x\n% x", err, got, want)
	}
}
