package wire

import (
	"errors"
	"os"
	"slices"
	"time"
)

const (
	// aheadFrom is from which wait on a connection reads ahead: no client gives up sooner.
	aheadFrom = 100 * time.Millisecond
	// mostAhead is how many bytes are read ahead. A client that sends more is there.
	mostAhead = 1 << 20
)

// readAhead reads what the client sends while one of its requests waits. So the wait ends when
// the client goes away, and the request is lost, as on a network that has not delivered it yet.
// A client that has given up a commit makes the next one on another connection: the old one
// must not come after it. The caller is the reader, and calls stop before it reads again.
func (c *Conn) readAhead() (stop func()) {
	var ahead []byte
	var arrived time.Time // arrived is when the first bytes of ahead came.
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, firstBuffer)
		for len(ahead) < mostAhead {
			n, err := c.Conn.Read(b)
			if n > 0 && len(ahead) == 0 {
				arrived = time.Now()
			}
			ahead = append(ahead, b[:n]...)
			switch {
			case errors.Is(err, os.ErrDeadlineExceeded):
				return
			case err != nil:
				c.end()
				return
			}
		}
	}()
	return func() {
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // an error: it is closed, so the read has ended
		<-done
		_ = c.Conn.SetReadDeadline(time.Time{})
		if len(c.in) == 0 && len(ahead) > 0 {
			c.arrived = arrived
		}
		c.in = append(slices.Clip(c.in), ahead...)
	}
}
