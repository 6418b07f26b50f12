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

// stamps puts the broker's time on what is appended to topics that are
// configured so. kfake keeps what the producer stamped, whatever the topic says.
type stamps struct {
	mu    sync.Mutex
	names map[string]bool
	ids   map[[16]byte]bool
}

// created takes note of a new topic. The requests are looked at from the first
// topic on that wants it.
func (s *stamps) created(k *kfake.Cluster, topic string) {
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
			s.produced(r.(*kmsg.ProduceRequest), time.Now().UnixMilli())
			return nil, nil, false
		})
	}
	s.names[topic], s.ids[info.TopicID] = true, true
}

func (s *stamps) produced(r *kmsg.ProduceRequest, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range r.Topics {
		t := &r.Topics[i]
		if !s.names[t.Topic] && !s.ids[t.TopicID] {
			continue
		}
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if stamped := stamp(p.Records, now); stamped != nil {
				p.Records = stamped
			}
		}
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	beforeLength   = 12 // beforeLength has a batch's length not counted in: the fields up to it
	beforeChecksum = 21 // beforeChecksum is where what its checksum covers begins
	compression    = 0x7
)

// stamp is the batch with all of its records at one time, uncompressed. It is
// nil for a batch that is not whole, which is left to kfake to refuse. A batch
// can say of itself that its time is the broker's; kfake then sets that time but
// not the checksum, so each record has it here as its own.
func stamp(raw []byte, now int64) []byte {
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
		r.Length = int32(len(r.AppendTo(nil)) - 1) // a length of 0 takes one byte
		to, from = r.AppendTo(to), from[end:]
	}
	b.Records, b.FirstTimestamp, b.MaxTimestamp = to, now, now
	b.Attributes &^= compression
	b.Length = int32(len(b.AppendTo(nil)) - beforeLength)
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[beforeChecksum:], castagnoli))
	return b.AppendTo(nil)
}
