package wire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// leaderResponse is a response to Fetch that names a new leader on a host, behind records.
func leaderResponse(host string, records int) *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = 16
	topic, partition := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
	partition.RecordBatches = make([]byte, records)
	topic.Partitions = append(topic.Partitions, partition)
	resp.Topics = append(resp.Topics, topic)
	b := kmsg.NewFetchResponseBroker()
	b.NodeID, b.Host, b.Port = 3, host, 9092
	resp.Brokers = append(resp.Brokers, b)
	return resp
}

// TestFetchNamesTheFrontOfANewLeader has names of all lengths, in responses that are gathered
// whole and in responses of which only the end is gathered. A client reads what it must: the
// front, or no leader where the longer address has no room.
func TestFetchNamesTheFrontOfANewLeader(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const front = "127.0.0.1:4321"
	named := 0
	for _, records := range []int{0, 5000, bigFrame - 100, bigFrame, bigFrame + 1, 200_000} {
		for length := 1; length <= 300; length += 1 + length/40 {
			resp := leaderResponse(strings.Repeat("h", length), records)
			body := append(binary.BigEndian.AppendUint32(nil, 7), 0) // and no tags
			frame := onWire(resp.AppendTo(body))
			req := kmsg.NewPtrFetchRequest()
			req.Version = 16
			raw := &script{pieces: [][]byte{formatter.AppendRequest(nil, req, 7)}}
			c := Wrap(raw, &Line{Now: time.Now().UnixNano, Rules: new(Rules), Observer: Observer{Wants: wantsNone}, addresses: addressBook{3: front}})
			if _, err := c.Read(make([]byte, 10_000)); err != nil {
				t.Fatal(err)
			}
			after := onWire([]byte{0, 0, 0, 9, 1, 2, 3})
			for _, piece := range slices.Concat(cutIn(random, frame, 60_000), [][]byte{after}) {
				if _, err := c.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			got, rest := readFetch(t, raw.written())
			if !slices.Equal(rest, after) {
				t.Fatalf("%d bytes of records, a host of %d: the next response is % x", records, length, rest)
			}
			if len(got.Brokers) > 0 {
				named++
				if b := got.Brokers[0]; len(got.Brokers) != 1 || fmt.Sprintf("%s:%d", b.Host, b.Port) != front || b.NodeID != 3 {
					t.Errorf("%d bytes of records, a host of %d: leaders %+v", records, length, got.Brokers)
				}
			} else if length > len("127.0.0.1")+1 && length != 9+oddRoom || records < bigFrame-200 {
				t.Errorf("%d bytes of records, a host of %d: no leader", records, length)
			}
			got.Brokers, got.UnknownTags, resp.Brokers = nil, kmsg.Tags{}, nil
			if !reflect.DeepEqual(got.Topics, resp.Topics) || len(c.unanswered) > 0 {
				t.Errorf("%d bytes of records, a host of %d: more than the leaders changed, or a request is still open", records, length)
			}
		}
	}
	if named < 100 {
		t.Errorf("%d responses named a leader", named)
	}
}

// cutIn returns b in pieces of up to a size.
func cutIn(random *rand.Rand, b []byte, most int) (pieces [][]byte) {
	for len(b) > 0 {
		n := 1 + random.IntN(min(len(b), most))
		pieces = append(pieces, b[:n:n])
		b = b[n:]
	}
	return pieces
}

// readFetch reads a response and returns what follows it.
func readFetch(t *testing.T, b []byte) (resp *kmsg.FetchResponse, rest []byte) {
	t.Helper()
	size := 4 + int(binary.BigEndian.Uint32(b))
	if size > len(b) {
		t.Fatalf("a frame of %d bytes, and %d have come", size, len(b))
	}
	resp = kmsg.NewPtrFetchResponse()
	resp.Version = 16
	if err := resp.ReadFrom(b[headSize+1 : size]); err != nil {
		t.Fatal(err)
	}
	return resp, b[size:]
}

func TestTagsArePaddedToAnySize(t *testing.T) {
	for size := 12; size < 400; size++ {
		for _, tags := range [][]byte{make([]byte, 12), make([]byte, 40), make([]byte, 300)} {
			tags[0] = 1
			if got := padTags(slices.Clone(tags), size); len(got) != size {
				t.Errorf("tags of %d bytes padded to %d: %d", len(tags), size, len(got))
			}
		}
	}
}
