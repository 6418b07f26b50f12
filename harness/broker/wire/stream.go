// Package wire sees and changes what Kafka clients and brokers say to each other. It knows
// no back end. [Wrap] does it inside of the broker's process. A [Front] does it between two
// sockets.
//
// A frame costs its head alone: its length and the four bytes behind it. The bytes of other
// frames pass on as they come. Only frames that are observed, or that a rule may apply to, are
// gathered. Of a big frame that may name brokers in its last field, only the end is gathered.
package wire

import "encoding/binary"

const (
	// headSize is the length of a frame and its first four bytes: the key and the version of
	// a request, or the correlation id of a response.
	headSize = 8
	// tailSize is more than the addresses of 20 brokers take.
	tailSize = 2 << 10
	// bigFrame is the size from which on the end of a frame is gathered without the rest.
	bigFrame = 32 << 10
)

// treatment is what a stream does with a frame.
type treatment uint8

const (
	passFrame   treatment = iota
	gatherFrame           // gatherFrame returns the frame whole.
	gatherTail            // gatherTail returns the end of a big frame, or a small frame whole.
)

// stream is one direction of a connection, cut into frames. The zero value is at the start
// of a frame.
type stream struct {
	head  [headSize]byte
	have  int    // have is how many bytes of head are there.
	left  int    // left is how many bytes are to come before the frame ends, or before its tail.
	tail  int    // tail is how many bytes of the frame to gather after left.
	frame []byte // frame has the bytes so far of a frame or of a tail that is gathered, else nil.
	isEnd bool   // isEnd: the frame that next returned last is a tail.
	owned bool   // owned: the stream made the frame that next returned last.
	spare []byte // spare is the buffer of a big frame of before, for the next one.
}

// firstRoom is how much room a frame gets before its bytes are there: its length may be wrong.
const firstRoom = 64 << 10

// newFrame is an empty frame with room for the first of n bytes.
func (s *stream) newFrame(n int) (frame []byte) {
	if n > firstRoom && s.spare != nil {
		frame, s.spare = s.spare[:0], nil
		return frame
	}
	return make([]byte, 0, min(n, firstRoom))
}

// reuse takes back the frame that next returned last. Nothing may refer to it any more.
func (s *stream) reuse(frame []byte) {
	if s.owned && cap(frame) > firstRoom {
		s.spare = frame
	}
}

// next takes bytes from the front of b, as far as they belong together. It returns bytes
// that pass on, or a frame or tail that treat selected by the first four bytes of a frame.
// Both alias b or the stream. rest is what it did not take.
func (s *stream) next(b []byte, treat func(first []byte) treatment) (pass, frame, rest []byte) {
	switch {
	case s.frame != nil:
		return s.gather(b)
	case s.have > 0:
		n := copy(s.head[s.have:], b)
		if s.have += n; s.have < headSize {
			return nil, nil, b[n:]
		}
		s.have = 0
		if s.begin(s.head[:], treat) {
			s.frame = append(s.newFrame(headSize+s.left), s.head[:]...)
			return s.gather(b[n:])
		}
		return s.head[:], nil, b[n:]
	}
	at := 0
	for {
		n := min(s.left, len(b)-at)
		s.left -= n
		at += n
		switch {
		case s.left > 0 || at == len(b) && s.tail == 0:
			return b[:at], nil, b[at:]
		case s.tail > 0:
			s.left, s.tail, s.isEnd = s.tail, 0, true
			s.frame = make([]byte, 0, s.left)
			return b[:at], nil, b[at:]
		case len(b)-at < headSize:
			s.have = copy(s.head[:], b[at:])
			return b[:at], nil, nil
		}
		if s.begin(b[at:], treat) {
			return s.take(b, at)
		}
		at += headSize
	}
}

// take gathers the frame that begins at b[at:], or passes what is before it.
func (s *stream) take(b []byte, at int) (pass, frame, rest []byte) {
	if whole := at + headSize + s.left; at == 0 && len(b) >= whole {
		s.left, s.owned = 0, false
		return nil, b[:whole], b[whole:]
	}
	s.frame = append(s.newFrame(headSize+s.left), b[at:at+headSize]...)
	return b[:at], nil, b[at+headSize:]
}

// begin reads the head of a frame, and reports whether the frame is to be gathered from its
// head on. A frame whose length has no room for four bytes is passed on with its head.
func (s *stream) begin(head []byte, treat func(first []byte) treatment) bool {
	s.isEnd = false
	s.left = int(int32(binary.BigEndian.Uint32(head))) - 4
	if s.left < 0 {
		s.left = 0
		return false
	}
	switch treat(head[4:headSize]) {
	case gatherFrame:
		return true
	case gatherTail:
		if s.left < bigFrame {
			return true
		}
		s.left, s.tail = s.left-tailSize, tailSize
	}
	return false
}

// gather takes bytes of the frame or tail that is gathered.
func (s *stream) gather(b []byte) (pass, frame, rest []byte) {
	n := min(s.left, len(b))
	s.frame = append(s.frame, b[:n]...)
	if s.left -= n; s.left > 0 {
		return nil, nil, nil
	}
	frame, s.frame, s.owned = s.frame, nil, true
	return nil, frame, b[n:]
}
