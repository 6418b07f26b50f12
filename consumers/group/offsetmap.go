package group

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"
)

// This file is a format: which records above a commit are completed, as text that fits
// in the metadata of the commit. The text is base64 of
//
//	version    1 byte
//	checksum   4 bytes, CRC-32C of all that follows
//	topic      16 bytes, the id of the topic
//	partition  uvarint
//	base       uvarint, the committed offset
//	epoch      uvarint, the leader epoch of the records plus 1
//	form       1 byte
//
// In the form of ranges two uvarints follow for each range: the offsets left out since
// the last range, and its length. In the form of bits one bit follows for each offset
// from base on, the lowest of a byte first. The shorter form is written.
//
// A reader uses a text only if every field fits, and for a record only if its leader
// epoch fits. So these texts say nothing: one of another program, of a topic that was
// deleted and created again, of a commit whose offset was moved, or about a part of the
// log that a new leader wrote again.

const (
	offsetMapVersion = 1
	formRanges       = 0
	formBits         = 1

	// maxMetadata is the default limit of brokers for the metadata of a commit
	// (offset.metadata.max.bytes).
	maxMetadata = 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// offsetRange is the offsets from up to, and without, to.
type offsetRange struct{ from, to int64 }

// logID names the part of a log that offsets are of.
type logID struct {
	topic     [16]byte
	partition int32
	epoch     int32 // epoch is that of the leader that wrote the records, -1 for none
}

// encodeOffsets writes ranges in at most room characters. They are in order, do not
// touch, and lie above base. Ranges at the end that do not fit are left out; "" if none fits.
func encodeOffsets(log logID, base int64, runs []offsetRange, room int) string {
	head := make([]byte, 5, 64)
	head[0] = offsetMapVersion
	head = append(head, log.topic[:]...)
	head = binary.AppendUvarint(head, uint64(log.partition))
	head = binary.AppendUvarint(head, uint64(base))
	head = binary.AppendUvarint(head, uint64(log.epoch+1))
	space := base64.RawStdEncoding.DecodedLen(room) - len(head) - 1
	if space <= 0 || len(runs) == 0 {
		return ""
	}
	asRuns, inRuns := appendRanges(nil, base, runs, space)
	asBits, inBits := appendBits(nil, base, runs, space)
	switch {
	case max(inRuns, inBits) == 0:
		return ""
	case inRuns > inBits || inRuns == inBits && len(asRuns) <= len(asBits):
		head = append(append(head, formRanges), asRuns...)
	default:
		head = append(append(head, formBits), asBits...)
	}
	binary.BigEndian.PutUint32(head[1:], crc32.Checksum(head[5:], castagnoli))
	return base64.RawStdEncoding.EncodeToString(head)
}

// appendRanges writes runs as far as there is space, and returns how many offsets it wrote.
func appendRanges(to []byte, base int64, runs []offsetRange, space int) (_ []byte, in int64) {
	at := base
	for _, r := range runs {
		before := len(to)
		to = binary.AppendUvarint(to, uint64(r.from-at))
		to = binary.AppendUvarint(to, uint64(r.to-r.from))
		if len(to) > space {
			return to[:before], in
		}
		at, in = r.to, in+r.to-r.from
	}
	return to, in
}

// appendBits is appendRuns in the other form.
func appendBits(to []byte, base int64, runs []offsetRange, space int) (_ []byte, in int64) {
	end := min(runs[len(runs)-1].to-base, 8*int64(space))
	bits := make([]byte, (end+7)/8)
	last := int64(-1)
	for _, r := range runs {
		for i := r.from - base; i < min(r.to-base, end); i++ {
			bits[i/8] |= 1 << (i % 8)
			last, in = i, in+1
		}
	}
	return append(to, bits[:last/8+1]...), in
}

// decodeOffsets reads what encodeOffsets wrote for this topic, partition and commit, up to
// the end of the log. It returns the epoch that the text names. Any other text gives
// no ranges.
func decodeOffsets(text string, topic [16]byte, partition int32, base, end int64) (runs []offsetRange, epoch int32) {
	if len(text) > maxMetadata {
		return nil, -1
	}
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < 5+len(topic) || raw[0] != offsetMapVersion ||
		binary.BigEndian.Uint32(raw[1:]) != crc32.Checksum(raw[5:], castagnoli) || [16]byte(raw[5:]) != topic {
		return nil, -1
	}
	rest := raw[5+len(topic):]
	var head [3]uint64 // partition, base, epoch
	for i := range head {
		n := 0
		if head[i], n = binary.Uvarint(rest); n <= 0 {
			return nil, -1
		}
		rest = rest[n:]
	}
	if head[0] != uint64(partition) || head[1] != uint64(base) || base < 0 || head[2] > math.MaxInt32 || len(rest) == 0 {
		return nil, -1
	}
	ok := false
	switch rest[0] {
	case formRanges:
		runs, ok = readRanges(rest[1:], base)
	case formBits:
		runs, ok = readBits(rest[1:], base), true
	}
	if !ok {
		return nil, -1
	}
	return cutAbove(runs, end), int32(head[2]) - 1
}

func readRanges(raw []byte, base int64) (runs []offsetRange, ok bool) {
	at := base
	for len(raw) > 0 {
		skip, n := binary.Uvarint(raw)
		length, m := binary.Uvarint(raw[max(n, 0):])
		if n <= 0 || m <= 0 || length == 0 || skip > uint64(math.MaxInt64-at) || length > uint64(math.MaxInt64-at)-skip {
			return nil, false
		}
		from := at + int64(skip)
		at = from + int64(length)
		runs = append(runs, offsetRange{from, at})
		raw = raw[n+m:]
	}
	return runs, true
}

func readBits(raw []byte, base int64) (runs []offsetRange) {
	for i := range int64(8 * len(raw)) {
		if raw[i/8]&(1<<(i%8)) != 0 && base <= math.MaxInt64-i-1 {
			runs = appendOffset(runs, base+i)
		}
	}
	return runs
}

// appendOffset adds an offset above all there are.
func appendOffset(runs []offsetRange, offset int64) []offsetRange {
	if n := len(runs); n > 0 && runs[n-1].to == offset {
		runs[n-1].to++
		return runs
	}
	return append(runs, offsetRange{offset, offset + 1})
}

// cutAbove leaves out what is at end and above.
func cutAbove(runs []offsetRange, end int64) []offsetRange {
	for i, r := range runs {
		if r.to > end {
			if r.from < end {
				runs[i].to = end
				i++
			}
			return runs[:i]
		}
	}
	return runs
}

// containsOffset reports whether offset is in runs.
func containsOffset(runs []offsetRange, offset int64) bool {
	i, exact := slices.BinarySearchFunc(runs, offset, func(r offsetRange, at int64) int {
		switch {
		case r.to <= at:
			return -1
		case r.from > at:
			return 1
		}
		return 0
	})
	return exact && i < len(runs)
}

// prependMemberID is metadata that begins with the member id, as the client's own does;
// cutMemberID is the rest.
func prependMemberID(id, text string) string { return id + " " + text }

func cutMemberID(metadata string) (text string) {
	_, text, _ = strings.Cut(metadata, " ")
	return text
}
