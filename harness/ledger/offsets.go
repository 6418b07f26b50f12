package ledger

import "math/bits"

// Offsets is a set of offsets of one partition. Dense offsets have a bit each, in pieces
// that are never copied. A map has those far out, so that one absurd offset costs no
// memory. The zero value is empty. Not safe for concurrent use.
type Offsets struct {
	pieces []*piece
	far    map[int64]struct{}
	n      int64
}

// piece is the set of some offsets in a row.
type piece [pieceSize / 64]uint64

const (
	pieceSize = 1 << 15
	farAhead  = 1 << 11 // farAhead is how many pieces beyond twice the dense part an offset may lie and still grow it
)

// Add puts offset into the set and reports whether it was not there.
func (o *Offsets) Add(offset int64) bool {
	at := uint64(offset) / pieceSize
	if at >= uint64(len(o.pieces)) || o.pieces[at] == nil {
		if offset < 0 || at >= uint64(len(o.pieces))*2+farAhead {
			return o.addFar(offset)
		}
		o.addPiece(int(at))
	}
	word, bit := &o.pieces[at][uint64(offset)%pieceSize/64], uint64(1)<<(uint64(offset)%64)
	if *word&bit != 0 || o.far != nil && o.hasFar(offset) {
		return false
	}
	*word |= bit
	o.n++
	return true
}

func (o *Offsets) addPiece(at int) {
	if at >= len(o.pieces) {
		o.pieces = append(o.pieces, make([]*piece, at+1-len(o.pieces))...)
	}
	o.pieces[at] = new(piece)
}

func (o *Offsets) addFar(offset int64) bool {
	if o.hasFar(offset) {
		return false
	}
	if o.far == nil {
		o.far = map[int64]struct{}{}
	}
	o.far[offset] = struct{}{}
	o.n++
	return true
}

func (o *Offsets) hasFar(offset int64) bool {
	_, ok := o.far[offset]
	return ok
}

// Has reports whether offset is in the set.
func (o *Offsets) Has(offset int64) bool {
	if word, ok := o.wordOf(offset); ok && word>>(uint64(offset)%64)&1 != 0 {
		return true
	}
	return o.far != nil && o.hasFar(offset)
}

// wordOf is the 64 bits that an offset's is among, if it is in the dense part.
func (o *Offsets) wordOf(offset int64) (uint64, bool) {
	at := uint64(offset) / pieceSize
	if at >= uint64(len(o.pieces)) || o.pieces[at] == nil {
		return 0, false
	}
	return o.pieces[at][uint64(offset)%pieceSize/64], true
}

// Lacks is the first offset from a given one on that is not in the set. It passes
// over 64 at a time that are.
func (o *Offsets) Lacks(from int64) int64 {
	for {
		if word, ok := o.wordOf(from); ok {
			missing := ^word >> (uint64(from) % 64)
			if missing == 0 {
				from = from/64*64 + 64
				continue
			}
			from += int64(bits.TrailingZeros64(missing))
		}
		if o.far == nil || !o.hasFar(from) {
			return from
		}
		from++
	}
}

// Len is the number of offsets in the set.
func (o *Offsets) Len() int64 { return o.n }
