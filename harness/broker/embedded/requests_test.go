package embedded

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// frame is a request as it comes over the wire.
func frame(key, correlation int, client *string, body int) []byte {
	b := make([]byte, 4)
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, 7)
	b = binary.BigEndian.AppendUint32(b, uint32(correlation))
	if client == nil {
		b = binary.BigEndian.AppendUint16(b, 0xffff)
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(len(*client)))
		b = append(b, *client...)
	}
	b = append(b, make([]byte, body)...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// However the stream is cut into reads, each request is found once.
func TestRequestsAreFoundInAnyStream(t *testing.T) {
	short, long, empty := "pod-1.1", strings.Repeat("x", 500), ""
	var stream []byte
	var want []string
	for i, client := range []*string{&short, nil, &long, &empty, &short} {
		for j, body := range []int{0, 1, 3, 200, 70_000} {
			stream = append(stream, frame(i, 10*i+j, client, body)...)
			name := ""
			if client != nil {
				name = (*client)[:min(len(*client), clientSize)]
			}
			want = append(want, fmt.Sprint(i, 10*i+j, name))
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, most := range []int{1, 4, 5, 20, 1000, len(stream)} {
		var requests requests
		var got []string
		for rest := stream; len(rest) > 0; {
			n := min(1+r.IntN(most), len(rest))
			requests.follow(rest[:n], func(h *header) { got = append(got, fmt.Sprint(h.key(), h.correlation(), h.client())) })
			rest = rest[n:]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("reads of up to %d bytes: found %q, want %q", most, got, want)
		}
	}
}

// What is no Kafka does not stop the reader.
func TestRequestsOfNobody(t *testing.T) {
	var requests requests
	found := 0
	for range 10 {
		requests.follow(make([]byte, 4), func(*header) { found++ })
		requests.follow([]byte{0, 0, 0, 3, 1, 2, 3}, func(*header) { found++ })
	}
	if found > 0 {
		t.Errorf("%d requests in what is too short for any", found)
	}
}

func BenchmarkRequests(b *testing.B) {
	client := "pod-1.1"
	f := frame(1, 1, &client, 200)
	var requests requests
	b.ReportAllocs()
	for b.Loop() {
		requests.follow(f[:4], func(*header) {})
		requests.follow(f[4:], func(*header) {})
	}
}
