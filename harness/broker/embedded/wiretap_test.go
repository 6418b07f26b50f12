package embedded

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// onWire is a request or an answer as it goes over a connection.
func onWire(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// TestWiretapReadsExchanges sends two exchanges among others, cut into pieces of
// any size. The second request comes before the first response. For two more
// kinds of requests the tap reports the header: one has no client id, one cannot
// be parsed.
func TestWiretapReadsExchanges(t *testing.T) {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("pod-0.1"))
	end := func(id string, commit bool, correlation int32) []byte {
		req := kmsg.NewPtrEndTxnRequest()
		req.Version, req.TransactionalID, req.Commit = 4, id, commit
		return formatter.AppendRequest(nil, req, correlation)
	}
	produce, fetch := kmsg.NewPtrProduceRequest(), kmsg.NewPtrFetchRequest()
	produce.Version, fetch.Version = 9, 4
	unknown := onWire(append([]byte{0x7f, 0, 0, 9, 0, 0, 0, 6, 0, 5}, "pod-1unreadable"...))
	answer := func(correlation int32, code int16) []byte {
		resp := kmsg.NewPtrEndTxnResponse()
		resp.Version, resp.ErrorCode = 4, code
		body := append(binary.BigEndian.AppendUint32(nil, uint32(correlation)), 0) // and no tags
		return onWire(resp.AppendTo(body))
	}
	asked := slices.Concat(
		end("a", true, 1), formatter.AppendRequest(nil, produce, 2), end("b", false, 3),
		kmsg.NewRequestFormatter().AppendRequest(nil, fetch, 5), unknown, end("c", true, 4),
	)
	answered := slices.Concat(answer(1, 0), onWire([]byte{0, 0, 0, 2, 1, 2, 3}), answer(3, 48))
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var now int64
		var seen []string
		tap := &wiretap{
			now:           func() int64 { now++; return now },
			wantsExchange: func(key int16) bool { return key == int16(kmsg.EndTxn) },
			onRequest:     func(x *exchange) { seen = append(seen, x.req.(*kmsg.EndTxnRequest).TransactionalID) },
			onExchange: func(x *exchange) {
				code := int16(-1)
				if resp, ok := x.resp.(*kmsg.EndTxnResponse); ok {
					code = resp.ErrorCode
				}
				seen = append(seen, fmt.Sprintf("%s by %s at %d answered at %d: %d", x.req.(*kmsg.EndTxnRequest).TransactionalID, x.client, x.at, x.answeredAt, code))
			},
			wantsHead: func(key int16) bool { return key != int16(kmsg.Produce) },
			onHead: func(key int16, correlation int32, client string) {
				seen = append(seen, fmt.Sprintf("%d: %d %q", correlation, key, client))
			},
		}
		pieces(random, asked, tap.feedRequests)
		pieces(random, answered, tap.feedResponses)
		tap.endUnanswered()
		tap.endUnanswered()
		want := []string{`1: 26 "pod-0.1"`, "a", `3: 26 "pod-0.1"`, "b", `5: 1 ""`, `6: 32512 "pod-1"`, `4: 26 "pod-0.1"`, "c", "a by pod-0.1 at 1 answered at 4: 0", "b by pod-0.1 at 2 answered at 5: 48", "c by pod-0.1 at 3 answered at 0: -1"}
		if !slices.Equal(seen, want) {
			t.Fatalf("seed %d: seen %q, want %q", seed, seen, want)
		}
	}
}

// pieces hands out b cut anywhere.
func pieces(random *rand.Rand, b []byte, to func([]byte)) {
	for len(b) > 0 {
		n := 1 + random.IntN(min(len(b), 20))
		to(b[:n])
		b = b[n:]
	}
}

// FuzzWiretap gives arbitrary bytes to both sides of a connection that is
// listened to.
func FuzzWiretap(f *testing.F) {
	req := kmsg.NewPtrShareFetchRequest()
	req.Version = 1
	f.Add(kmsg.NewRequestFormatter().AppendRequest(nil, req, 7), onWire([]byte{0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 26, 0, 1}, []byte{0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, in, out []byte) {
		asked, over := 0, 0
		tap := &wiretap{
			now: func() int64 { return 1 }, wantsExchange: func(int16) bool { return true },
			onRequest: func(*exchange) { asked++ }, onExchange: func(*exchange) { over++ },
			wantsHead: func(int16) bool { return true }, onHead: func(int16, int32, string) {},
		}
		tap.feedRequests(in)
		tap.feedResponses(out)
		tap.endUnanswered()
		if over > asked {
			t.Fatalf("%d exchanges are over, %d began", over, asked)
		}
	})
}
