package wire

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Exchange is a request of a client and the broker's response, as they passed on their
// connection.
type Exchange struct {
	ID         uint64 // ID tells exchanges of this process apart.
	Node       int32  // Node is the broker.
	Client     string // Client is the client id, or "".
	AskedAt    int64  // AskedAt is when the client's request came, before any rule.
	At         int64  // At is when the broker got the request and had not handled it yet; 0 if it never did.
	AnsweredAt int64  // AnsweredAt is when the broker's response came, before any rule; 0 without a response.
	ReturnedAt int64  // ReturnedAt is when the client got the response; 0 if it did not.
	Request    kmsg.Request
	Response   kmsg.Response // Response is nil if the connection broke first, or if it cannot be read.
	Lost       bool          // Lost: the broker responded, and a rule kept the response from the client.
	Refused    bool          // Refused: the broker never got the request, and a rule made the response.
}

// lastExchange numbers exchanges.
var lastExchange atomic.Uint64

// header is the part of a request that all kinds have.
type header struct {
	key, version int16
	correlation  int32
	client       string
}

// readHeader reads the header of a request frame. body is what follows the client id. It
// reports false for a frame that is too short: the broker itself refuses that. The client id
// mostly is that of the last request, so it is not made again.
func readHeader(frame []byte, last string) (h header, body []byte, ok bool) {
	r := kbin.Reader{Src: frame[4:]}
	h.key, h.version, h.correlation = r.Int16(), r.Int16(), r.Int32()
	if size := r.Int16(); size > 0 {
		if client := r.Span(int(size)); string(client) == last {
			h.client = last
		} else {
			h.client = string(client)
		}
	}
	return h, r.Src, r.Ok()
}

// readRequest decodes a request, or returns nil if kmsg cannot.
func readRequest(h header, body []byte) kmsg.Request {
	req := kmsg.RequestForKey(h.key)
	if req == nil || h.version > req.MaxVersion() {
		return nil
	}
	req.SetVersion(h.version)
	r := kbin.Reader{Src: body}
	if req.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if req.ReadFrom(r.Src) != nil {
		return nil
	}
	return req
}

// readResponse decodes the response to a request, or returns nil if kmsg cannot.
func readResponse(h header, frame []byte) kmsg.Response {
	resp := kmsg.ResponseForKey(h.key)
	if resp == nil || h.version > resp.MaxVersion() {
		return nil
	}
	resp.SetVersion(h.version)
	r := kbin.Reader{Src: frame[headSize:]}
	if resp.IsFlexible() && h.key != int16(kmsg.ApiVersions) { // whose header has no tags in any version
		kmsg.SkipTags(&r)
	}
	if resp.ReadFrom(r.Src) != nil {
		return nil
	}
	return resp
}

// correlationOf is the correlation id of a response by its first four bytes.
func correlationOf(first []byte) int32 { return int32(binary.BigEndian.Uint32(first)) }
