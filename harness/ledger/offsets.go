package ledger

import "math/bits"

// Offsets is a set of offsets of one partition: a bit each while they are
// dense, a map for those far out, so that one absurd offset costs no memory.
// The zero value is empty. Not safe for concurrent use.
type Offsets struct {
	bits []uint64
	far  map[int64]struct{}
	n    int64
}

// farAhead is how far beyond twice the dense part an offset may lie and still
// grow it.
const farAhead = 1 << 20

// Grow makes room for the offsets below end, so that nothing is copied when they
// are added.
func (o *Offsets) Grow(end int64) {
	if words := int((end + 63) / 64); words > len(o.bits) {
		o.bits = append(make([]uint64, 0, words), o.bits...)[:words]
	}
}

// Add puts offset into the set and reports whether it was not there.
func (o *Offsets) Add(offset int64) bool {
	if offset < 0 || offset/64 >= int64(len(o.bits))*2+farAhead {
		if _, ok := o.far[offset]; ok {
			return false
		}
		if o.far == nil {
			o.far = map[int64]struct{}{}
		}
		o.far[offset] = struct{}{}
		o.n++
		return true
	}
	word := int(offset / 64)
	if word >= len(o.bits) {
		o.bits = append(o.bits, make([]uint64, word+1-len(o.bits))...)
	}
	bit := uint64(1) << (offset % 64)
	if o.bits[word]&bit != 0 || o.far != nil && o.inFar(offset) {
		return false
	}
	o.bits[word] |= bit
	o.n++
	return true
}

func (o *Offsets) inFar(offset int64) bool {
	_, ok := o.far[offset]
	return ok
}

// Has reports whether offset is in the set.
func (o *Offsets) Has(offset int64) bool {
	if offset >= 0 && offset/64 < int64(len(o.bits)) && o.bits[offset/64]&(1<<(offset%64)) != 0 {
		return true
	}
	return o.far != nil && o.inFar(offset)
}

// Lacks is the first offset from a given one on that is not in the set. It passes
// over 64 at a time that are.
func (o *Offsets) Lacks(from int64) int64 {
	for {
		if word := uint64(from) / 64; word < uint64(len(o.bits)) {
			missing := ^o.bits[word] >> (uint64(from) % 64)
			if missing == 0 {
				from = int64(word+1) * 64
				continue
			}
			from += int64(bits.TrailingZeros64(missing))
		}
		if o.far == nil || !o.inFar(from) {
			return from
		}
		from++
	}
}

// Len is the number of offsets in the set.
func (o *Offsets) Len() int64 { return o.n }
