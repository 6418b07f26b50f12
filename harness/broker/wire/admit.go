package wire

import (
	"encoding/binary"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// admitRequest returns what the broker gets of a request: the frame, a part of it, another
// frame, or nothing.
func (c *Conn) admitRequest(frame []byte) ([]byte, error) {
	h, body, ok := readHeader(frame, c.last)
	if !ok {
		return frame, nil
	}
	c.last = h.client
	if c.line.Client != "" {
		h.client = c.line.Client
	}
	c.greet(h.client)
	p := c.newPending(h, body)
	a, alive := c.applyRules(&message{header: h, size: len(frame), arrived: c.arrived})
	if a != nil && (!alive || a.Then != harness.WireRefuse) {
		return c.loseRequest(p, frame, a, alive)
	}
	p.ruled = c.line.Rules.haveRuleFor(h.key)
	if p.exchange != nil {
		p.exchange.At = c.line.Now()
	}
	if a != nil {
		return c.refuseRequest(p, body, a.Code)
	}
	if c.observesFetch(h.key) {
		if req, ok := readRequest(h, body).(*kmsg.FetchRequest); ok {
			c.line.Observer.OnFetch(h.client, c.line.Now(), req)
		}
	}
	if (p.exchange != nil || p.ruled || c.line.addresses.rewritesResponse(h)) && !isUnanswered(h, body) {
		c.expectResponse(p)
	}
	if p.exchange != nil && c.line.Observer.OnRequest != nil {
		c.line.Observer.OnRequest(p.exchange)
	}
	return frame, nil
}

// loseRequest returns what the broker gets of a request that a rule keeps from it. The
// connection ended before that if it is not alive.
func (c *Conn) loseRequest(p pending, frame []byte, a *activeRule, alive bool) ([]byte, error) {
	c.reportExchange(p.exchange)
	switch {
	case alive && a.Then == harness.WireDrop:
		c.dropped = true
		c.silence()
		return nil, nil
	case alive && a.CutAfter > 0:
		c.cut = true
		return frame[:min(a.CutAfter, len(frame))], nil
	}
	c.Reset()
	return nil, net.ErrClosed
}

// greet notes who speaks, at the first request.
func (c *Conn) greet(client string) {
	if c.greeted {
		return
	}
	c.greeted = true
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = client
}

func (c *Conn) newPending(h header, body []byte) pending {
	p := pending{header: h}
	if c.line.Observer.Wants(h.key) {
		if req := readRequest(h, body); req != nil {
			p.exchange = &Exchange{ID: lastExchange.Add(1), Node: c.line.Node, Client: h.client, AskedAt: c.line.Now(), Request: req}
		}
	}
	return p
}

func (c *Conn) expectResponse(p pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unanswered != nil {
		c.unanswered[p.header.correlation] = p
	}
}

// refuseRequest returns what the broker gets in place of a refused request: one that changes
// nothing. Its response comes when that of the refused request is due, and the refusal takes
// its place. As Kafka does, it ends a connection whose client waits for no response.
func (c *Conn) refuseRequest(p pending, body []byte, code int16) ([]byte, error) {
	req := readRequest(p.header, body)
	if req == nil || isUnanswered(p.header, body) {
		c.Reset()
		return nil, net.ErrClosed
	}
	p.ruled, p.refusal = true, refusalOf(req, code)
	if p.exchange != nil {
		p.exchange.Refused = true
	}
	c.expectResponse(p)
	return kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrApiVersionsRequest(), p.header.correlation), nil
}

// isUnanswered reports whether a request is a produce without acknowledgement, to which no
// response comes.
func isUnanswered(h header, body []byte) bool {
	if h.key != int16(kmsg.Produce) {
		return false
	}
	r := kbin.Reader{Src: body}
	switch { // the transactional id
	case h.version >= 9:
		kmsg.SkipTags(&r)
		r.CompactNullableString()
	case h.version >= 3:
		r.NullableString()
	}
	return r.Int16() == 0 && r.Ok()
}

// admitResponse returns what the client gets of a response, and whether the connection is to
// be reset behind that.
func (c *Conn) admitResponse(frame []byte, arrived time.Time) (pass []byte, resets bool) {
	correlation := correlationOf(frame[4:])
	p, known := c.forgetRequest(correlation)
	if !known { // it was asked for before there were rules
		p.header = header{key: harness.AnyKey, correlation: correlation, client: c.whoSpeaks()}
	}
	if p.refusal != nil {
		frame = responseFrame(correlation, p.refusal)
	}
	var answered int64
	if p.exchange != nil {
		answered = c.line.Now()
	}
	a, alive := c.applyRules(&message{header: p.header, onResponse: true, size: len(frame), arrived: arrived, code: func() (int16, bool) {
		return codeOf(readResponse(p.header, frame))
	}})
	if c.kept = p.exchange != nil; c.kept {
		p.exchange.Response = readResponse(p.header, frame)
		if resp, ok := p.exchange.Response.(*kmsg.ShareFetchResponse); ok {
			c.kept = false
			dropRecords(resp) // big, and no observer reads them
		}
		if p.exchange.Response != nil {
			p.exchange.AnsweredAt = answered
		}
		if p.exchange.Lost = a != nil || !alive; !p.exchange.Lost && !c.isSilent() {
			p.exchange.ReturnedAt = c.line.Now()
		}
		c.reportExchange(p.exchange)
	}
	switch {
	case !alive:
		return nil, true
	case a != nil && a.Then == harness.WireReset:
		return frame[:min(a.CutAfter, len(frame))], true
	case a != nil && a.Then == harness.WireDrop:
		c.silence()
		return nil, false
	case c.line.addresses.rewritesResponse(p.header):
		return c.line.addresses.rewriteResponse(p.header, frame), false
	}
	return frame, false
}

// dropRecords removes the records from a response, so that nothing of it refers to its frame.
func dropRecords(resp *kmsg.ShareFetchResponse) {
	for _, t := range resp.Topics {
		for i := range t.Partitions {
			t.Partitions[i].Records = nil
		}
	}
}

// whoSpeaks is the client of responses whose request was not read.
func (c *Conn) whoSpeaks() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client
}

// responseFrame is a response as it goes over a connection.
func responseFrame(correlation int32, resp kmsg.Response) []byte {
	frame := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(correlation))
	if resp.IsFlexible() && resp.Key() != int16(kmsg.ApiVersions) {
		frame = append(frame, 0) // no tags
	}
	frame = resp.AppendTo(frame)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}

// applyRules applies all rules that are about a message, one after the other. It returns the
// rule that does not let it pass, or nil. It reports false if the connection ended first.
func (c *Conn) applyRules(m *message) (last *activeRule, alive bool) {
	m.node = c.line.Node
	for _, a := range c.line.Rules.all() {
		wait, changes := a.claim(m)
		switch {
		case !changes:
		case !c.await(a, wait, !m.onResponse):
			return a, false
		case a.Then != harness.WirePass:
			return a, true
		}
	}
	return nil, true
}

// await waits as a rule says. It reports false if the connection ended first. The caller is the
// reader if it is a request that waits.
func (c *Conn) await(a *activeRule, wait time.Duration, isRequest bool) bool {
	if isRequest && (a.Hold != nil || wait >= aheadFrom) {
		defer c.readAhead()()
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-c.ended:
			return false
		case <-a.stopped:
		case <-timer.C:
		}
	}
	if a.Reached != nil {
		a.Reached()
	}
	if a.Hold != nil {
		select {
		case <-c.ended:
			return false
		case <-a.stopped:
		case <-a.Hold:
		}
	}
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}
