// Package wire sees and changes what Kafka clients and brokers say to each other. It knows
// no back end. [Wrap] does it inside of the broker's process. A [Front] does it between two
// sockets.
//
// A frame costs its head alone: its length and the four bytes behind it. The bytes of other
// frames pass on as they come. Only frames that are observed, or that a rule may apply to, are
// gathered.
package wire

import "encoding/binary"

// headSize is the length of a frame and its first four bytes: the key and the version of a
// request, or the correlation id of a response.
const headSize = 8

// stream is one direction of a connection, cut into frames. The zero value is at the start
// of a frame.
type stream struct {
	head  [headSize]byte
	have  int    // have is how many bytes of head are there.
	left  int    // left is how many bytes of the frame are to come.
	frame []byte // frame has the bytes so far of a frame that is gathered, with its length, else nil.
}

// next takes bytes from the front of b, as far as they belong together. It returns bytes
// that pass on, or a whole frame that wants selected by its first four bytes; both alias b
// or the stream. rest is what it did not take.
func (s *stream) next(b []byte, wants func(first []byte) bool) (pass, frame, rest []byte) {
	if s.frame != nil {
		return s.gather(b)
	}
	if s.have > 0 {
		n := copy(s.head[s.have:], b)
		if s.have += n; s.have < headSize {
			return nil, nil, b[n:]
		}
		s.have = 0
		if s.begin(s.head[:], wants) {
			s.frame = append(make([]byte, 0, headSize+min(s.left, 64<<10)), s.head[:]...) // the length may be wrong
			return s.gather(b[n:])
		}
		return s.head[:], nil, b[n:]
	}
	at := min(s.left, len(b))
	s.left -= at
	for len(b)-at >= headSize {
		if s.begin(b[at:], wants) {
			if at > 0 {
				s.left = 0 // the frame is judged again by the next call
				return b[:at], nil, b[at:]
			}
			if whole := headSize + s.left; len(b) >= whole {
				s.left = 0
				return nil, b[:whole], b[whole:]
			}
			s.frame = append(make([]byte, 0, headSize+min(s.left, 64<<10)), b[:headSize]...)
			return s.gather(b[headSize:])
		}
		n := min(headSize+s.left, len(b)-at)
		s.left -= n - headSize
		at += n
	}
	if s.left == 0 {
		s.have = copy(s.head[:], b[at:])
		return b[:at], nil, nil
	}
	return b[:at], nil, b[at:]
}

// begin reads the head of a frame, and reports whether the frame is to be gathered. A frame
// whose length has no room for four bytes is passed on with its head.
func (s *stream) begin(head []byte, wants func(first []byte) bool) bool {
	s.left = int(int32(binary.BigEndian.Uint32(head))) - 4
	if s.left < 0 {
		s.left = 0
		return false
	}
	return wants(head[4:headSize])
}

// gather takes bytes of the frame that is gathered.
func (s *stream) gather(b []byte) (pass, frame, rest []byte) {
	n := min(s.left, len(b))
	s.frame = append(s.frame, b[:n]...)
	if s.left -= n; s.left > 0 {
		return nil, nil, nil
	}
	frame, s.frame = s.frame, nil
	return nil, frame, b[n:]
}
