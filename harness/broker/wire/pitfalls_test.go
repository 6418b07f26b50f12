package wire

import (
	"encoding/binary"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// What goes wrong in a proxy of Kafka's protocol, and the test that guards against it:
//
//	a listener before a dead broker accepts and resets   TestFrontRefusesWhileItsBrokerIsDown, TestFrontRefusesOnceItsBrokerIsGone
//	a dead pod's held commit goes out                    TestClosedFrontLetsNoHeldCommitThrough, TestHeldRequestOfAResetConnectionIsLost
//	a request that its client has given up goes out      TestHeldRequestOfAClientThatWentAwayIsLost
//	ApiVersions has an old header, or version 0          TestVersionsAreClampedInEveryForm
//	no response comes to a produce without acks          TestProduceWithoutAcksAwaitsNoResponse
//	a request is stamped before its delay                TestRequestIsStampedAfterItsDelay
//	a broken connection uses up the limit of a rule      TestLimitCountsOnlyWhatChanged
//	a seed connection does not know its broker           TestSeedConnectionKnowsItsBroker
//	a delay stops what follows on its connection         TestDelayHoldsBackItsConnectionOnly
//	a reset overtakes the bytes before it                TestCutFramePassesInPart
//	a broker comes back at another address               TestFrontRefusesOnceItsBrokerIsGone
//	a broker advertises several names                    TestBrokerIsKnownByItsIDWhateverItsAddress
//	records are compressed, and programs cannot read it  TestProducerKeepsItsSettings in harness/load

// TestRequestIsStampedAfterItsDelay: a request that a rule delays has not reached the broker yet.
func TestRequestIsStampedAfterItsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := new(Rules)
		apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), Delay: time.Minute})
		c, raw := ruled(rules, endTxn("a", 1))
		raw.stayFor(1)
		began, at := time.Now(), int64(0)
		c.line.Observer = Observer{Wants: wantsEndTxn, OnRequest: func(x *Exchange) { at = x.At }}
		if _, err := io.ReadAll(c); err != nil {
			t.Fatal(err)
		}
		if late := time.Duration(at - began.UnixNano()); late != time.Minute {
			t.Errorf("stamped %v after it was sent, want a minute", late)
		}
	})
}

// TestDelayHoldsBackItsConnectionOnly: TCP delivers in order, so a frame behind a delayed one
// waits too. One on another connection does not.
func TestDelayHoldsBackItsConnectionOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := new(Rules)
		apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), Delay: time.Minute, Limit: 1})
		began := time.Now()
		slow, raw := ruled(rules, slices.Concat(endTxn("a", 1), formatter.AppendRequest(nil, kmsg.NewPtrHeartbeatRequest(), 2)))
		raw.stayFor(1)
		if _, err := io.ReadAll(slow); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("the heartbeat behind the delayed frame passes after %v", waited)
		}
		other, _ := ruled(rules, endTxn("b", 1))
		if _, err := io.ReadAll(other); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("another connection waits, too: %v", waited)
		}
	})
}

// TestLimitCountsOnlyWhatChanged: a connection ends before the response that a rule would have
// changed. The rule changes the response on the next connection.
func TestLimitCountsOnlyWhatChanged(t *testing.T) {
	rules := new(Rules)
	stop := apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), OnResponse: true, Limit: 1, Then: harness.WireReset})
	for n := range 2 {
		c, raw := ruled(rules, endTxn("a", 1))
		if _, err := io.ReadAll(c); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			c.Close()
			continue
		}
		if _, err := c.Write(endTxnResponse(1, 0)); err == nil || !raw.lost {
			t.Errorf("the first response passes: error %v", err)
		}
	}
	if n := stop(); n != 1 {
		t.Errorf("%d responses changed, want 1", n)
	}
}

// TestProduceWithoutAcksAwaitsNoResponse has the header of each form of a produce request.
func TestProduceWithoutAcksAwaitsNoResponse(t *testing.T) {
	for _, version := range []int16{0, 3, 8, 9, 12} {
		for acks, awaited := range map[int16]int{0: 0, 1: 1, -1: 1} {
			req := kmsg.NewPtrProduceRequest()
			req.Version, req.Acks, req.TransactionID = version, acks, kmsg.StringPtr("x")
			c, _ := ruled(new(Rules), formatter.AppendRequest(nil, req, 7))
			c.line.Observer.Wants = func(int16) bool { return true }
			if _, err := io.ReadAll(c); err != nil {
				t.Fatal(err)
			}
			if n := len(c.unanswered); n != awaited {
				t.Errorf("version %d, acks %d: %d responses awaited, want %d", version, acks, n, awaited)
			}
		}
	}
}

// TestVersionsAreClampedInEveryForm: the response to ApiVersions has the old header in each
// version, and is of version 0 if the broker does not know the version asked for.
func TestVersionsAreClampedInEveryForm(t *testing.T) {
	const newer = 999
	known := kmsg.NewPtrFetchRequest().MaxVersion()
	for _, tt := range []struct{ asked, answered, code int16 }{{0, 0, 0}, {2, 2, 0}, {3, 3, 0}, {4, 0, kerr.UnsupportedVersion.Code}} {
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.Version, resp.ErrorCode = tt.answered, tt.code
		key := kmsg.NewApiVersionsResponseApiKey()
		key.ApiKey, key.MaxVersion = int16(kmsg.Fetch), newer
		resp.ApiKeys = append(resp.ApiKeys, key)
		frame := onWire(resp.AppendTo(binary.BigEndian.AppendUint32(nil, 7)))
		got := addressBook{}.rewriteResponse(header{key: int16(kmsg.ApiVersions), version: tt.asked, correlation: 7}, frame)
		back := kmsg.NewPtrApiVersionsResponse()
		back.Version = tt.answered
		if err := back.ReadFrom(got[headSize:]); err != nil || len(back.ApiKeys) != 1 || back.ApiKeys[0].MaxVersion != known || back.ErrorCode != tt.code {
			t.Errorf("version %d, answered as %d: error %v, %+v; want Fetch up to %d", tt.asked, tt.answered, err, back.ApiKeys, known)
		}
	}
}

// TestBrokerIsKnownByItsIDWhateverItsAddress has a broker that is named by two listeners.
func TestBrokerIsKnownByItsIDWhateverItsAddress(t *testing.T) {
	book := addressBook{3: "127.0.0.1:4321"}
	for _, host := range []string{"inside", "outside.example"} {
		resp := kmsg.NewPtrMetadataResponse()
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = 3, host, 9092
		resp.Brokers = append(resp.Brokers, b)
		if book.rewriteFields(resp); resp.Brokers[0].Host != "127.0.0.1" || resp.Brokers[0].Port != 4321 {
			t.Errorf("%s became %s:%d", host, resp.Brokers[0].Host, resp.Brokers[0].Port)
		}
	}
}
