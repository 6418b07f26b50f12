package embedded

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// timestamps writes the broker's time into records for topics with
// LogAppendTime. kfake keeps the producer's timestamp whatever the topic says.
type timestamps struct {
	mu    sync.Mutex
	names map[string]bool
	ids   map[[16]byte]bool
}

// noteTopic registers a new topic. Produce requests are inspected only once a
// topic needs it.
func (s *timestamps) noteTopic(k *kfake.Cluster, topic string) {
	info := k.TopicInfo(topic)
	if info == nil || info.Configs["message.timestamp.type"] == nil || *info.Configs["message.timestamp.type"] != "LogAppendTime" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names, s.ids = map[string]bool{}, map[[16]byte]bool{}
		k.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
			k.KeepControl()
			s.stampRequest(r.(*kmsg.ProduceRequest), time.Now().UnixMilli())
			return nil, nil, false
		})
	}
	s.names[topic], s.ids[info.TopicID] = true, true
}

func (s *timestamps) stampRequest(r *kmsg.ProduceRequest, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range r.Topics {
		t := &r.Topics[i]
		if !s.names[t.Topic] && !s.ids[t.TopicID] {
			continue
		}
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if stamped := stampBatch(p.Records, now); stamped != nil {
				p.Records = stamped
			}
		}
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	beforeLength   = 12 // beforeLength is the size of the fields that a batch's length does not count.
	beforeChecksum = 21 // beforeChecksum is where the bytes begin that the checksum covers.
	compression    = 0x7
)

// stampBatch returns the batch uncompressed with all its records at one time. It
// returns nil for a damaged batch, so that kfake refuses it. A batch can declare
// that its time is the broker's. kfake then sets that time but not the checksum,
// so each record gets the time as its own.
func stampBatch(raw []byte, now int64) []byte {
	var b kmsg.RecordBatch
	if b.ReadFrom(raw) != nil || b.Magic != 2 || b.CRC != int32(crc32.Checksum(raw[beforeChecksum:], castagnoli)) {
		return nil
	}
	from := b.Records
	if codec := kgo.CompressionCodecType(b.Attributes & compression); codec != kgo.CodecNone {
		var err error
		if from, err = kgo.DefaultDecompressor().Decompress(from, codec); err != nil {
			return nil
		}
	}
	var to []byte
	for range b.NumRecords {
		length, n := binary.Varint(from)
		end := n + int(length)
		var r kmsg.Record
		if n <= 0 || length < 0 || end > len(from) || r.ReadFrom(from[:end]) != nil {
			return nil
		}
		r.Length, r.TimestampDelta, r.TimestampDelta64 = 0, 0, 0
		r.Length = int32(len(r.AppendTo(nil)) - 1) // the varint of length 0 takes one byte
		to, from = r.AppendTo(to), from[end:]
	}
	b.Records, b.FirstTimestamp, b.MaxTimestamp = to, now, now
	b.Attributes &^= compression
	b.Length = int32(len(b.AppendTo(nil)) - beforeLength)
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[beforeChecksum:], castagnoli))
	return b.AppendTo(nil)
}
