package docker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// Ports come from below the range of ephemeral ports (Linux: 32768 up, others:
// 49152 up). In that range any connection can take the port of a node that is
// down, and a client that keeps trying to reach it can connect to itself.
const firstPort, lastPort = 15000, 32767

// freePorts returns n different ports that are free at 127.0.0.1. It keeps each
// bound until it has all of them.
func freePorts(n int, r *rand.Rand) (ports []int, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			err = errors.Join(err, l.Close())
		}
	}()
	for tries := 0; len(ports) < n; tries++ {
		port := firstPort + r.IntN(lastPort-firstPort+1)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			held = append(held, l)
			ports = append(ports, port)
		} else if tries >= 100 {
			return nil, fmt.Errorf("find %d free ports from %d to %d: %w", n, firstPort, lastPort, err)
		}
	}
	return ports, nil
}

// newRand returns a source for choices that no result depends on.
func newRand() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), uint64(os.Getpid()))) }
