package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestConnPassesBytesAndReadsExchanges sends three exchanges among other frames, cut into
// pieces of any size. The second request comes before the first response. One of the other
// requests has no client id, and one cannot be parsed.
func TestConnPassesBytesAndReadsExchanges(t *testing.T) {
	produce, fetch := kmsg.NewPtrProduceRequest(), kmsg.NewPtrFetchRequest()
	produce.Version, fetch.Version = 9, 4
	unknown := onWire(append([]byte{0x7f, 0, 0, 9, 0, 0, 0, 6, 0, 5}, "pod-1unreadable"...))
	asked := slices.Concat(
		endTxn("a", 1), formatter.AppendRequest(nil, produce, 2), endTxn("b", 3),
		kmsg.NewRequestFormatter().AppendRequest(nil, fetch, 5), unknown, endTxn("c", 4),
	)
	answered := slices.Concat(endTxnResponse(1, 0), onWire([]byte{0, 0, 0, 2, 1, 2, 3}), endTxnResponse(3, 48), onWire([]byte{0, 0, 0, 9}))
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		var now int64
		var seen []string
		raw := &script{pieces: cut(random, asked)}
		c := Wrap(raw, &Line{
			Node: 2, Now: func() int64 { now++; return now }, Rules: new(Rules),
			Observer: Observer{
				Wants:     wantsEndTxn,
				OnRequest: func(x *Exchange) { seen = append(seen, x.Request.(*kmsg.EndTxnRequest).TransactionalID) },
				OnExchange: func(x *Exchange) {
					code := int16(-1)
					if resp, ok := x.Response.(*kmsg.EndTxnResponse); ok {
						code = resp.ErrorCode
					}
					seen = append(seen, fmt.Sprintf("%s by %s at %d answered at %d: %d", x.Request.(*kmsg.EndTxnRequest).TransactionalID, x.Client, x.At, x.AnsweredAt, code))
				},
			},
		})
		var got []byte
		for {
			b := make([]byte, 1+random.IntN(30))
			n, err := c.Read(b)
			got = append(got, b[:n]...)
			if err != nil {
				break
			}
		}
		for _, piece := range cut(random, answered) {
			if n, err := c.Write(piece); n != len(piece) || err != nil {
				t.Fatalf("seed %d: wrote %d of %d: %v", seed, n, len(piece), err)
			}
		}
		c.Close()
		c.Close()
		want := []string{"a", "b", "c", "a by pod-0.1 at 2 answered at 7: 0", "b by pod-0.1 at 4 answered at 9: 48", "c by pod-0.1 at 6 answered at 0: -1"}
		if !slices.Equal(seen, want) {
			t.Fatalf("seed %d: seen %q, want %q", seed, seen, want)
		}
		if !slices.Equal(got, asked) || !slices.Equal(raw.written(), answered) {
			t.Fatalf("seed %d: bytes changed on their way: %d of %d requests, %d of %d responses", seed, len(got), len(asked), len(raw.written()), len(answered))
		}
	}
}

// TestRuleChangesFrames has three requests on one connection. A rule changes the second one.
func TestRuleChangesFrames(t *testing.T) {
	released := make(chan struct{})
	close(released)
	rule := harness.Rule{Key: int16(kmsg.EndTxn), Client: "pod-0.", Skip: 1, Limit: 1}
	for name, tt := range map[string]struct {
		change  func(*harness.Rule)
		asked   []int32 // asked are the correlation ids that the broker gets.
		reset   bool
		waited  time.Duration
		changed int
	}{
		"no rule for this client": {func(r *harness.Rule) { r.Client = "pod-1." }, []int32{1, 2, 3}, false, 0, 0},
		"no rule for this key":    {func(r *harness.Rule) { r.Key = 0 }, []int32{1, 2, 3}, false, 0, 0},
		"delay a request":         {func(r *harness.Rule) { r.Delay = time.Minute }, []int32{1, 2, 3}, false, time.Minute, 1},
		"hold a request":          {func(r *harness.Rule) { r.Hold = released }, []int32{1, 2, 3}, false, 0, 1},
		"reset at a request":      {func(r *harness.Rule) { r.Then = harness.WireReset }, []int32{1}, true, 0, 1},
		"drop a request":          {func(r *harness.Rule) { r.Then = harness.WireDrop }, []int32{1}, false, 0, 1},
		"delay a response":        {func(r *harness.Rule) { r.OnResponse, r.Delay = true, time.Minute }, []int32{1, 2, 3}, false, time.Minute, 1},
		"reset at a response":     {func(r *harness.Rule) { r.OnResponse, r.Then = true, harness.WireReset }, []int32{1, 2}, true, 0, 1},
		"drop a response":         {func(r *harness.Rule) { r.OnResponse, r.Then = true, harness.WireDrop }, []int32{1, 2}, false, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rule
				tt.change(&r)
				rules := new(Rules)
				stop, err := rules.Apply(r)
				if err != nil {
					t.Fatal(err)
				}
				raw := &script{pieces: [][]byte{slices.Concat(endTxn("a", 1), endTxn("b", 2), endTxn("c", 3))}}
				if !r.OnResponse && r.Then == harness.WirePass && tt.changed > 0 {
					raw.stayFor(1)
				}
				c := Wrap(raw, &Line{Now: time.Now().UnixNano, Rules: rules, Observer: Observer{Wants: wantsNone}})
				began := time.Now()
				asked := answerAll(c)
				if waited := time.Since(began); waited != tt.waited {
					t.Errorf("waited %v, want %v", waited, tt.waited)
				}
				if !slices.Equal(asked, tt.asked) || raw.lost != tt.reset {
					t.Errorf("the broker got %d, reset %v; want %d, %v", asked, raw.lost, tt.asked, tt.reset)
				}
				want := tt.asked // what the client gets
				if tt.changed > 0 && r.OnResponse && r.Then != harness.WirePass || r.Then == harness.WireDrop {
					want = want[:1]
				}
				var answers []byte
				for _, id := range want {
					answers = append(answers, endTxnResponse(id, 0)...)
				}
				if !slices.Equal(raw.written(), answers) {
					t.Errorf("the client got % x, want % x", raw.written(), answers)
				}
				if n := stop(); n != tt.changed || stop() != n {
					t.Errorf("%d frames changed, want %d", n, tt.changed)
				}
			})
		})
	}
}

// TestEndSaysHowFarARequestCame has a request that takes a second in each direction under a rule
// about it.
func TestEndSaysHowFarARequestCame(t *testing.T) {
	rule := harness.Rule{Key: int16(kmsg.EndTxn), Delay: time.Second}
	for name, tt := range map[string]struct {
		change func(*harness.Rule)
		want   string // want are the seconds at which it was asked, got, answered and returned.
		broker bool   // broker: the exchange is one that the broker had.
	}{
		"late request":      {func(r *harness.Rule) {}, "1 2 2 2", true},
		"late response":     {func(r *harness.Rule) { r.OnResponse = true }, "1 1 1 2", true},
		"reset request":     {func(r *harness.Rule) { r.Then = harness.WireReset }, "1 0 0 0", false},
		"cut request":       {func(r *harness.Rule) { r.Then, r.CutAfter = harness.WireReset, 9 }, "1 0 0 0", false},
		"dropped request":   {func(r *harness.Rule) { r.Then = harness.WireDrop }, "1 0 0 0", false},
		"refused request":   {func(r *harness.Rule) { r.Then, r.Code = harness.WireRefuse, 48 }, "1 2 2 2", true},
		"reset response":    {func(r *harness.Rule) { r.OnResponse, r.Then = true, harness.WireReset }, "1 1 1 0", true},
		"dropped response":  {func(r *harness.Rule) { r.OnResponse, r.Then = true, harness.WireDrop }, "1 1 1 0", true},
		"request of a dead": {func(r *harness.Rule) { r.Delay, r.Hold = 0, make(chan struct{}) }, "1 0 0 0", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rule
				tt.change(&r)
				rules := new(Rules)
				apply(t, rules, r)
				began := time.Now().Add(-time.Second)
				var seen []string
				waits := 0
				if !r.OnResponse {
					waits = 1
				}
				c := Wrap(staying(waits, endTxn("a", 1)), &Line{
					Now: func() int64 { return int64(time.Since(began) / time.Second) }, Rules: rules,
					Observer: Observer{
						Wants: wantsEndTxn, OnExchange: func(*Exchange) { seen = append(seen, "exchange") },
						OnEnd: func(x *Exchange) {
							seen = append(seen, fmt.Sprint(x.AskedAt, x.At, x.AnsweredAt, x.ReturnedAt))
						},
					},
				})
				if r.Hold != nil {
					time.AfterFunc(time.Minute, c.Reset)
				}
				answerAll(c)
				c.Close()
				want := []string{tt.want}
				if tt.broker {
					want = []string{"exchange", tt.want}
				}
				if !slices.Equal(seen, want) {
					t.Errorf("seen %q, want %q", seen, want)
				}
			})
		})
	}
}

// answerAll is a broker that answers each EndTxn, and returns the correlation ids it got.
func answerAll(c *Conn) (asked []int32) {
	for {
		size := make([]byte, 4)
		if _, err := io.ReadFull(c, size); err != nil {
			return asked
		}
		frame := make([]byte, binary.BigEndian.Uint32(size))
		if _, err := io.ReadFull(c, frame); err != nil {
			return asked
		}
		id := int32(binary.BigEndian.Uint32(frame[4:]))
		asked = append(asked, id)
		if _, err := c.Write(endTxnResponse(id, 0)); err != nil {
			return asked
		}
	}
}

// TestHeldRequestOfAResetConnectionIsLost: the broker never gets the request of a client that
// died while it was held.
func TestHeldRequestOfAResetConnectionIsLost(t *testing.T) {
	for _, end := range []string{"reset", "close", "stop"} {
		t.Run(end, func(t *testing.T) {
			rules, reached := new(Rules), make(chan struct{})
			stop, err := rules.Apply(harness.Rule{Key: int16(kmsg.EndTxn), Reached: func() { close(reached) }, Hold: make(chan struct{})})
			if err != nil {
				t.Fatal(err)
			}
			raw := staying(1, endTxn("a", 1))
			c := Wrap(raw, &Line{Now: time.Now().UnixNano, Rules: rules, Observer: Observer{Wants: wantsNone}})
			type read struct {
				n   int
				err error
			}
			got := make(chan read, 1)
			go func() {
				n, err := c.Read(make([]byte, 1000))
				got <- read{n, err}
			}()
			<-reached
			switch end {
			case "reset":
				c.Reset()
			case "close":
				c.Close()
			case "stop":
				stop()
			}
			r := <-got
			if lost := end != "stop"; lost != errors.Is(r.err, net.ErrClosed) || lost == (r.n > 0) {
				t.Errorf("the broker got %d bytes, error %v", r.n, r.err)
			}
		})
	}
}

// FuzzConn gives arbitrary bytes to both sides of a connection. All pass unchanged.
func FuzzConn(f *testing.F) {
	req := kmsg.NewPtrShareFetchRequest()
	req.Version = 1
	f.Add(kmsg.NewRequestFormatter().AppendRequest(nil, req, 7), onWire([]byte{0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 26, 0, 1}, []byte{0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, in, out []byte) {
		asked, over := 0, 0
		raw := &script{pieces: cut(rand.New(rand.NewPCG(uint64(len(in)), 1)), in)}
		c := Wrap(raw, &Line{Now: func() int64 { return 1 }, Rules: new(Rules), Observer: Observer{
			Wants: func(int16) bool { return true }, OnRequest: func(*Exchange) { asked++ }, OnExchange: func(*Exchange) { over++ },
		}})
		got, _ := io.ReadAll(c)
		_, _ = c.Write(out)
		_ = c.Close()
		if over > asked {
			t.Fatalf("%d exchanges are over, %d began", over, asked)
		}
		if !slices.Equal(got, in[:len(got)]) || !slices.Equal(raw.written(), out[:len(raw.written())]) {
			t.Fatal("bytes changed on their way")
		}
	})
}

// BenchmarkConn reads frames of 100 bytes that no observer wants, and wraps nothing as control.
func BenchmarkConn(b *testing.B) {
	frame := onWire(slices.Concat([]byte{0, 1, 0, 4, 0, 0, 0, 6, 0, 0}, make([]byte, 86)))
	chunk := slices.Repeat(frame, 600)
	read := func(b *testing.B, wrap func(net.Conn) net.Conn) {
		raw := new(script)
		c, into := wrap(raw), make([]byte, 64<<10)
		for left := b.N * len(frame); left > 0; {
			if len(raw.pieces) == 0 {
				raw.pieces = append(raw.pieces, chunk)
			}
			n, err := c.Read(into)
			if err != nil {
				b.Fatal(err)
			}
			left -= n
		}
	}
	b.Run("raw", func(b *testing.B) { read(b, func(c net.Conn) net.Conn { return c }) })
	b.Run("wrapped", func(b *testing.B) {
		read(b, func(c net.Conn) net.Conn {
			return Wrap(c, &Line{Now: func() int64 { return 1 }, Rules: new(Rules), Observer: Observer{Wants: wantsNone}})
		})
	})
}

// BenchmarkShareFetch passes a response of 256 KiB on, whose acquisitions an observer wants.
func BenchmarkShareFetch(b *testing.B) {
	req, resp := kmsg.NewPtrShareFetchRequest(), kmsg.NewPtrShareFetchResponse()
	req.Version, resp.Version = 1, 1
	topic, partition := kmsg.NewShareFetchResponseTopic(), kmsg.NewShareFetchResponseTopicPartition()
	partition.Records = make([]byte, 256<<10)
	partition.AcquiredRecords = make([]kmsg.ShareFetchResponseTopicPartitionAcquiredRecord, 10)
	topic.Partitions = append(topic.Partitions, partition)
	resp.Topics = append(resp.Topics, topic)
	frame := responseFrame(7, resp)
	asked, raw, into := formatter.AppendRequest(nil, req, 7), new(script), make([]byte, 4<<10)
	c := Wrap(raw, &Line{Now: func() int64 { return 1 }, Rules: new(Rules), Observer: Observer{Wants: func(key int16) bool { return key == int16(kmsg.ShareFetch) }}})
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		raw.pieces, raw.sent = append(raw.pieces, asked), raw.sent[:0]
		if _, err := c.Read(into); err != nil {
			b.Fatal(err)
		}
		for rest := frame; len(rest) > 0; rest = rest[min(len(rest), 64<<10):] {
			if _, err := c.Write(rest[:min(len(rest), 64<<10)]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestLineNamesItsClient: the front of a process knows who speaks, whatever the client id is.
func TestLineNamesItsClient(t *testing.T) {
	rules := new(Rules)
	stop, err := rules.Apply(harness.Rule{Key: int16(kmsg.EndTxn), Client: "pod-7."})
	if err != nil {
		t.Fatal(err)
	}
	var seen string
	c := Wrap(&script{pieces: [][]byte{endTxn("a", 1)}}, &Line{
		Client: "pod-7.2", Now: func() int64 { return 1 }, Rules: rules,
		Observer: Observer{Wants: wantsEndTxn, OnExchange: func(x *Exchange) { seen = x.Client }},
	})
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if n := stop(); n != 1 || seen != "pod-7.2" {
		t.Errorf("%d frames of %q", n, seen)
	}
}
