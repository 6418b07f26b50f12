package wire

import (
	"encoding/binary"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// addressBook has, by node id, the address that clients get to know in place of the
// broker's.
type addressBook map[int32]string

// rewrites reports whether the responses to a kind of request name brokers, or what the
// broker can do.
func (a addressBook) rewrites(key int16) bool {
	if a == nil {
		return false
	}
	switch kmsg.Key(key) {
	case kmsg.ApiVersions, kmsg.Metadata, kmsg.FindCoordinator, kmsg.DescribeCluster, kmsg.Produce, kmsg.Fetch, kmsg.ShareFetch, kmsg.ShareAcknowledge:
		return true
	}
	return false
}

// namesLeaders reports whether the response to a request may name new leaders at its end
// (KIP-951).
func namesLeaders(h header) bool {
	return kmsg.Key(h.key) == kmsg.Produce && h.version >= 10 || kmsg.Key(h.key) == kmsg.Fetch && h.version >= 16
}

// rewritesResponse reports whether the response to a request may change.
func (a addressBook) rewritesResponse(h header) bool {
	switch kmsg.Key(h.key) {
	case kmsg.Produce, kmsg.Fetch:
		return a != nil && namesLeaders(h)
	}
	return a.rewrites(h.key)
}

// rewriteResponse returns a response frame with the addresses of the book. It returns the
// frame itself if there is nothing to change or if it cannot be read.
func (a addressBook) rewriteResponse(h header, frame []byte) []byte {
	if namesLeaders(h) {
		return a.rewriteTail(frame, false)
	}
	resp := kmsg.ResponseForKey(h.key)
	if resp == nil || len(frame) < headSize+2 {
		return frame
	}
	resp.SetVersion(h.version)
	body := kbin.Reader{Src: frame[headSize:]}
	if kmsg.Key(h.key) == kmsg.ApiVersions {
		if int16(binary.BigEndian.Uint16(body.Src)) == kerr.UnsupportedVersion.Code {
			resp.SetVersion(0) // the broker answers so to a version that it does not know
		}
	} else if resp.IsFlexible() {
		kmsg.SkipTags(&body)
	}
	if resp.ReadFrom(body.Src) != nil || !a.rewriteFields(resp) {
		return frame
	}
	out := resp.AppendTo(append([]byte(nil), frame[:len(frame)-len(body.Src)]...))
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out
}

// rewriteFields changes a response, and reports whether it has anything to change.
func (a addressBook) rewriteFields(resp kmsg.Response) bool {
	switch r := resp.(type) {
	case *kmsg.ApiVersionsResponse:
		clampVersions(r)
	case *kmsg.MetadataResponse:
		for i := range r.Brokers {
			b := &r.Brokers[i]
			a.replace(b.NodeID, &b.Host, &b.Port)
		}
	case *kmsg.FindCoordinatorResponse:
		a.replace(r.NodeID, &r.Host, &r.Port)
		for i := range r.Coordinators {
			c := &r.Coordinators[i]
			a.replace(c.NodeID, &c.Host, &c.Port)
		}
	case *kmsg.DescribeClusterResponse:
		for i := range r.Brokers {
			b := &r.Brokers[i]
			a.replace(b.NodeID, &b.Host, &b.Port)
		}
	case *kmsg.ShareFetchResponse:
		for i := range r.NodeEndpoints {
			e := &r.NodeEndpoints[i]
			a.replace(e.NodeID, &e.Host, &e.Port)
		}
		return len(r.NodeEndpoints) > 0
	case *kmsg.ShareAcknowledgeResponse:
		for i := range r.NodeEndpoints {
			e := &r.NodeEndpoints[i]
			a.replace(e.NodeID, &e.Host, &e.Port)
		}
		return len(r.NodeEndpoints) > 0
	default:
		return false
	}
	return true
}

// replace puts the address of the book in place of a broker's. Kafka has an empty host
// where there is no broker.
func (a addressBook) replace(id int32, host *string, port *int32) {
	addr, ok := a[id]
	if !ok || *host == "" {
		return
	}
	h, p, err := net.SplitHostPort(addr)
	if err != nil {
		return
	}
	n, err := strconv.ParseInt(p, 10, 32)
	if err != nil {
		return
	}
	*host, *port = h, int32(n)
}

// clampVersions lets the client use no version that kmsg cannot read.
func clampVersions(r *kmsg.ApiVersionsResponse) {
	kept := r.ApiKeys[:0]
	for _, k := range r.ApiKeys {
		req := kmsg.RequestForKey(k.ApiKey)
		if req == nil {
			continue
		}
		if k.MaxVersion = min(k.MaxVersion, req.MaxVersion()); k.MaxVersion >= k.MinVersion {
			kept = append(kept, k)
		}
	}
	r.ApiKeys = kept
}

// rewriteTail changes the end of a response to Produce or Fetch. Since KIP-951 its last
// field may be tag 0, the addresses of new leaders, behind all records:
//
//	... 01 00 <size> <brokers> end
//
// The size must reach the very end of the frame, and brokers must fill it. Records that
// look like this by chance would have to end there too, but they do not come last.
//
// sameSize: the head of the frame, with its length, has gone on already.
func (a addressBook) rewriteTail(frame []byte, sameSize bool) []byte {
	from := max(0, len(frame)-tailSize)
	if !sameSize {
		from = max(from, headSize)
	}
	for at := from; at+3 < len(frame); at++ {
		if frame[at] != 1 || frame[at+1] != 0 {
			continue
		}
		size, n := binary.Uvarint(frame[at+2:])
		begin := at + 2 + n
		if n <= 0 || size < 8 || uint64(len(frame)-begin) != size {
			continue
		}
		nodes, ok := readEndpoints(frame[begin:])
		if !ok {
			continue
		}
		tags := a.leadersTag(nodes)
		if sameSize {
			tags = padTags(tags, len(frame)-at)
		}
		out := append(append([]byte(nil), frame[:at]...), tags...)
		if !sameSize {
			binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		}
		return out
	}
	return frame
}

// leadersTag are the tags of a response that names new leaders: their number, 1, and tag 0.
func (a addressBook) leadersTag(nodes []endpoint) []byte {
	var tag []byte
	tag = kbin.AppendUvarint(tag, uint32(len(nodes)+1))
	for _, e := range nodes {
		a.replace(e.id, &e.host, &e.port)
		tag = kbin.AppendInt32(tag, e.id)
		tag = kbin.AppendCompactString(tag, e.host)
		tag = kbin.AppendInt32(tag, e.port)
		tag = kbin.AppendCompactNullableString(tag, e.rack)
		tag = append(tag, 0)
	}
	return append(kbin.AppendUvarint([]byte{1, 0}, uint32(len(tag))), tag...)
}

// padding is the number of a tag that no version of Kafka has. The number before it is another.
// Clients skip both.
const padding = 99

// padTags makes tags exactly size bytes long by one more tag. If they are too long for that,
// the leaders go, and the client asks for metadata as before KIP-951.
func padTags(tags []byte, size int) []byte {
	if len(tags) == size {
		return tags
	}
	if room := size - len(tags); room >= 2 && room != oddRoom {
		tags[0]++
		return appendPadding(tags, padding, room)
	}
	if size-1 == oddRoom {
		return appendPadding(appendPadding([]byte{2}, padding-1, oddRoom/2), padding, oddRoom-oddRoom/2)
	}
	return appendPadding([]byte{1}, padding, size-1)
}

// oddRoom is a room that no tag fills: a length below 128 takes one byte, one from there on two.
const oddRoom = 130

// appendPadding appends a tag of room bytes in all.
func appendPadding(tags []byte, number byte, room int) []byte {
	n := room - 2 // the number of the tag and a length below 128
	if n >= 128 {
		n--
	}
	return append(kbin.AppendUvarint(append(tags, number), uint32(n)), make([]byte, n)...)
}

// endpoint is the address of a new leader.
type endpoint struct {
	id   int32
	host string
	port int32
	rack *string
}

// readEndpoints reads b as the addresses of brokers, and reports whether b is exactly that.
func readEndpoints(b []byte) (all []endpoint, ok bool) {
	r := kbin.Reader{Src: b}
	for n := r.CompactArrayLen(); n > 0 && r.Ok(); n-- {
		e := endpoint{id: r.Int32(), host: r.CompactString(), port: r.Int32(), rack: r.CompactNullableString()}
		if r.Uvarint() != 0 {
			return nil, false
		}
		all = append(all, e)
	}
	return all, r.Ok() && len(r.Src) == 0 && len(all) > 0
}
