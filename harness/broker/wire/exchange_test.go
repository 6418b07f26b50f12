package wire

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/internal/allocs"
)

// A client sends the same id with each request.
func TestHeaderOfTheSameClientAllocatesNothing(t *testing.T) {
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("pod-1.1")).AppendRequest(nil, kmsg.NewPtrHeartbeatRequest(), 7)
	first, _, ok := readHeader(frame, "")
	if !ok || first.client != "pod-1.1" || first.correlation != 7 {
		t.Fatalf("read %+v, %v", first, ok)
	}
	if n := allocs.PerRun(t, 100, func() { first, _, _ = readHeader(frame, first.client) }); n != 0 || first.client != "pod-1.1" {
		t.Errorf("%v allocations, and the client is %q", n, first.client)
	}
}
