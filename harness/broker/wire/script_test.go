package wire

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// onWire is a request or a response as it goes over a connection.
func onWire(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

var formatter = kmsg.NewRequestFormatter(kmsg.FormatterClientID("pod-0.1"))

func endTxn(id string, correlation int32) []byte {
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.Commit = 4, id, true
	return formatter.AppendRequest(nil, req, correlation)
}

func endTxnResponse(correlation int32, code int16) []byte {
	resp := kmsg.NewPtrEndTxnResponse()
	resp.Version, resp.ErrorCode = 4, code
	body := append(binary.BigEndian.AppendUint32(nil, uint32(correlation)), 0) // and no tags
	return onWire(resp.AppendTo(body))
}

// script is a connection whose peer sends given pieces and takes all that is written.
type script struct {
	net.Conn
	mu     sync.Mutex
	pieces [][]byte
	sent   []byte
	closed bool
	lost   bool // lost: it was reset.
	lostAt time.Time
	// waits are the waits of requests for which the peer stays after its pieces. Then it goes away.
	waits int
	stays chan struct{} // stays is closed by the read deadline that ends a wait.
}

// stayFor lets the peer stay after its pieces for a number of waits.
func (s *script) stayFor(waits int) { s.waits, s.stays = waits, make(chan struct{}) }

func staying(waits int, pieces ...[]byte) *script {
	s := &script{pieces: pieces}
	s.stayFor(waits)
	return s
}

func (s *script) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stays := s.stays; len(s.pieces) == 0 && s.waits > 0 {
		s.mu.Unlock()
		<-stays
		s.mu.Lock()
		return 0, os.ErrDeadlineExceeded
	}
	if s.closed {
		return 0, net.ErrClosed
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (s *script) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	s.sent = append(s.sent, b...)
	return len(b), nil
}

func (s *script) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// SetReadDeadline ends the read of a wait if t is not zero.
func (s *script) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.IsZero() && s.waits > 0 {
		close(s.stays)
		s.waits, s.stays = s.waits-1, make(chan struct{})
	}
	return nil
}

func (s *script) SetLinger(int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost, s.lostAt = true, time.Now()
	return nil
}

func (s *script) written() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// cut returns b in pieces of any size.
func cut(random *rand.Rand, b []byte) (pieces [][]byte) {
	for len(b) > 0 {
		n := 1 + random.IntN(min(len(b), 20))
		pieces = append(pieces, b[:n:n])
		b = b[n:]
	}
	return pieces
}

func wantsNone(int16) bool { return false }

func wantsEndTxn(key int16) bool { return key == int16(kmsg.EndTxn) }
