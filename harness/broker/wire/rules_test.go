package wire

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// apply applies a rule until the end of the test.
func apply(t *testing.T, rules *Rules, r harness.Rule) (stop func() int) {
	t.Helper()
	stop, err := rules.Apply(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	return stop
}

// ruled is a connection whose client sends given requests, under rules.
func ruled(rules *Rules, requests ...[]byte) (*Conn, *script) {
	raw := &script{pieces: requests}
	now := func() int64 { return time.Now().UnixNano() }
	return Wrap(raw, &Line{Now: now, Rules: rules, Observer: Observer{Wants: wantsNone}}), raw
}

func TestRulesRefuseNonsense(t *testing.T) {
	commit := int16(kmsg.OffsetCommit)
	for _, tt := range []struct {
		rule harness.Rule
		why  string
	}{
		{harness.Rule{Key: -2}, "no request has the key"},
		{harness.Rule{Key: 9999}, "no request has the key"},
		{harness.Rule{Limit: -1}, "below zero"},
		{harness.Rule{Skip: -1}, "below zero"},
		{harness.Rule{Every: -1}, "below zero"},
		{harness.Rule{Delay: -1}, "below zero"},
		{harness.Rule{Jitter: -1}, "below zero"},
		{harness.Rule{BytesPerSecond: -1}, "below zero"},
		{harness.Rule{CutAfter: -1, Then: harness.WireReset}, "below zero"},
		{harness.Rule{Then: harness.WireRefuse + 1}, "action is unknown"},
		{harness.Rule{Accepted: true}, "set OnResponse"},
		{harness.Rule{Answer: 82}, "set OnResponse"},
		{harness.Rule{Answer: 82, OnResponse: true, Accepted: true}, "unset Accepted"},
		{harness.Rule{CutAfter: 1}, "set Then to WireReset"},
		{harness.Rule{Key: commit, Code: 27}, "need each other"},
		{harness.Rule{Key: commit, Then: harness.WireRefuse}, "need each other"},
		{harness.Rule{Key: commit, Then: harness.WireRefuse, Code: 27, OnResponse: true}, "unset OnResponse"},
		{harness.Rule{Key: harness.AnyKey, Then: harness.WireRefuse, Code: 27}, "has an error code"},
	} {
		if _, err := new(Rules).Apply(tt.rule); err == nil || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("rule %+v: error %v, want %q", tt.rule, err, tt.why)
		}
	}
}

// TestFrameMeetsRulesInTheirOrder has three rules about the same requests. The second one takes
// what it changes away from the third.
func TestFrameMeetsRulesInTheirOrder(t *testing.T) {
	rules := new(Rules)
	all := apply(t, rules, harness.Rule{Key: harness.AnyKey})
	takes := apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), Limit: 1, Skip: 1, Then: harness.WireRefuse, Code: 48})
	rest := apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), Client: "pod-0.", Every: 2})
	c, _ := ruled(rules, endTxn("a", 1), endTxn("b", 2), endTxn("c", 3), endTxn("d", 4))
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	if a, b, c := all(), takes(), rest(); a != 4 || b != 1 || c != 2 {
		t.Errorf("the rules changed %d, %d and %d of 4 frames; want 4, 1, and 2: every other of the 3 that are left", a, b, c)
	}
}

// TestRuleIsAboutNodesOnly has a rule about one of two brokers.
func TestRuleIsAboutNodesOnly(t *testing.T) {
	for node, changes := range map[int32]int{1: 0, 2: 1} {
		rules := new(Rules)
		stop := apply(t, rules, harness.Rule{Key: harness.AnyKey, Nodes: []int32{2, 3}})
		c, _ := ruled(rules, endTxn("a", 1))
		c.line.Node = node
		if _, err := io.ReadAll(c); err != nil {
			t.Fatal(err)
		}
		if n := stop(); n != changes {
			t.Errorf("node %d: %d frames changed, want %d", node, n, changes)
		}
	}
}

// TestRuleAboutAcceptedResponsesLeavesRefusals: only the second of two responses has no error.
func TestRuleAboutAcceptedResponsesLeavesRefusals(t *testing.T) {
	rules := new(Rules)
	stop := apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), OnResponse: true, Accepted: true, Then: harness.WireReset})
	c, raw := ruled(rules, endTxn("a", 1), endTxn("b", 2))
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	refused := endTxnResponse(1, 48)
	if _, err := c.Write(refused); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(endTxnResponse(2, 0)); err == nil {
		t.Error("the accepted response passes")
	}
	if n := stop(); n != 1 || !slices.Equal(raw.written(), refused) || !raw.lost {
		t.Errorf("%d responses changed, the client got % x, reset %v", n, raw.written(), raw.lost)
	}
}

// TestRuleAboutAnErrorCodeLeavesOtherResponses: only the second of three responses has the code.
func TestRuleAboutAnErrorCodeLeavesOtherResponses(t *testing.T) {
	rules := new(Rules)
	stop := apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), OnResponse: true, Answer: 48})
	c, _ := ruled(rules, endTxn("a", 1), endTxn("b", 2), endTxn("c", 3))
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	for correlation, code := range []int16{0, 48, 51} {
		if _, err := c.Write(endTxnResponse(int32(correlation+1), code)); err != nil {
			t.Fatal(err)
		}
	}
	if n := stop(); n != 1 {
		t.Errorf("the rule was about %d responses, want 1", n)
	}
}

// TestRuleAboutAllResponsesMeetsThoseAskedForBefore: a request went through before the rule, and
// its response comes under the rule. The first request told the client id.
func TestRuleAboutAllResponsesMeetsThoseAskedForBefore(t *testing.T) {
	for client, changes := range map[string]int{"pod-0.": 1, "pod-1.": 0, "": 1} {
		rules := new(Rules)
		c, raw := ruled(rules, endTxn("a", 1), endTxn("b", 2))
		if _, err := io.ReadAll(c); err != nil {
			t.Fatal(err)
		}
		stop := apply(t, rules, harness.Rule{Key: harness.AnyKey, Client: client, OnResponse: true, Then: harness.WireDrop})
		if _, err := c.Write(endTxnResponse(2, 0)); err != nil {
			t.Fatal(err)
		}
		if n := stop(); n != changes || (len(raw.written()) == 0) != (changes > 0) {
			t.Errorf("client %q: %d responses changed, the client got % x", client, n, raw.written())
		}
	}
}

// TestWaitsOfARule has two requests that arrive together, of 27 bytes each.
func TestWaitsOfARule(t *testing.T) {
	size := len(endTxn("a", 1))
	for name, tt := range map[string]struct {
		rule        harness.Rule
		least, most time.Duration
	}{
		"a delay counts from the arrival, so frames share it": {harness.Rule{Delay: time.Minute}, time.Minute, time.Minute},
		"jitter comes on top":             {harness.Rule{Delay: time.Minute, Jitter: time.Minute}, time.Minute, 2 * time.Minute},
		"frames share the bytes a second": {harness.Rule{BytesPerSecond: size}, 2 * time.Second, 2 * time.Second},
		"a delay hides in a slow line":    {harness.Rule{BytesPerSecond: size, Delay: time.Second}, 2 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rules := new(Rules)
				tt.rule.Key = harness.AnyKey
				apply(t, rules, tt.rule)
				c, raw := ruled(rules, slices.Concat(endTxn("a", 1), endTxn("b", 2)))
				raw.stayFor(2)
				began := time.Now()
				if _, err := io.ReadFull(c, make([]byte, 2*size)); err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(began); waited < tt.least || waited > tt.most {
					t.Errorf("waited %v, want %v to %v", waited, tt.least, tt.most)
				}
			})
		})
	}
}

// TestCutFramePassesInPart cuts a request, and in the other case a response, after nine bytes.
func TestCutFramePassesInPart(t *testing.T) {
	for _, onResponse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			rules := new(Rules)
			apply(t, rules, harness.Rule{Key: int16(kmsg.EndTxn), OnResponse: onResponse, Skip: 1, Then: harness.WireReset, CutAfter: 9})
			began := time.Now() // and all that follows takes no time, but the pause before the reset
			requests := slices.Concat(endTxn("a", 1), endTxn("b", 2))
			c, raw := ruled(rules, requests)
			got, err := io.ReadAll(c)
			whole := len(endTxn("a", 1))
			if onResponse {
				for id := range int32(2) {
					_, err = c.Write(endTxnResponse(id+1, 0))
				}
				got, requests = raw.written(), slices.Concat(endTxnResponse(1, 0), endTxnResponse(2, 0))
				whole = len(endTxnResponse(1, 0))
			}
			if err == nil || !raw.lost || !slices.Equal(got, requests[:whole+9]) {
				t.Errorf("on response %v: error %v, reset %v, got % x of % x", onResponse, err, raw.lost, got, requests)
			}
			if waited := raw.lostAt.Sub(began); waited < resetPause {
				t.Errorf("on response %v: the reset comes %v after the bytes, and may overtake them", onResponse, waited)
			}
		})
	}
}

// TestEmptyResponseOfAShareGroupIsNotAccepted: a fetch that delivers nothing is the answer to a poll.
func TestEmptyResponseOfAShareGroupIsNotAccepted(t *testing.T) {
	full := kmsg.NewPtrShareFetchResponse()
	part := kmsg.NewShareFetchResponseTopicPartition()
	part.AcquiredRecords = []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{{FirstOffset: 1, LastOffset: 2, DeliveryCount: 1}}
	topic := kmsg.NewShareFetchResponseTopic()
	topic.Partitions = append(topic.Partitions, part)
	full.Topics = append(full.Topics, topic)
	refused := kmsg.NewPtrShareFetchResponse()
	refused.ErrorCode = 124
	for _, tt := range []struct {
		resp kmsg.Response
		code int16
		ok   bool
	}{
		{kmsg.NewPtrShareFetchResponse(), 0, false}, {kmsg.NewPtrShareAcknowledgeResponse(), 0, false}, {full, 0, true}, {refused, 124, true}, {kmsg.NewPtrEndTxnResponse(), 0, true}, {nil, 0, false},
	} {
		if code, ok := codeOf(tt.resp); code != tt.code || ok != tt.ok {
			t.Errorf("%+v: code %d, %v; want %d, %v", tt.resp, code, ok, tt.code, tt.ok)
		}
	}
}
