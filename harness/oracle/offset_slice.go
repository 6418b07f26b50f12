package oracle

// offsetSlice is a slice by offset that grows by pieces and is never copied: where a
// hundred million records are judged, the copy would be as much again. The zero
// value is empty, and what was never set is zero.
type offsetSlice[T any] struct {
	pieces []*[pieceSize]T
	end    int64
}

const pieceSize = 1 << 12

// placeAt is the place of an offset of 0 and more, for writing.
func (c *offsetSlice[T]) placeAt(offset int64) *T {
	c.end = max(c.end, offset+1)
	piece := uint64(offset) / pieceSize
	if piece >= uint64(len(c.pieces)) || c.pieces[piece] == nil {
		c.addPiece(int(piece))
	}
	return &c.pieces[piece][uint64(offset)%pieceSize]
}

func (c *offsetSlice[T]) addPiece(piece int) {
	if piece >= len(c.pieces) {
		c.pieces = append(c.pieces, make([]*[pieceSize]T, piece+1-len(c.pieces))...)
	}
	c.pieces[piece] = new([pieceSize]T)
}

// valueAt is what lies at an offset, zero where nothing does.
func (c *offsetSlice[T]) valueAt(offset int64) (value T) {
	piece := uint64(offset) / pieceSize
	if piece >= uint64(len(c.pieces)) || c.pieces[piece] == nil {
		return value
	}
	return c.pieces[piece][uint64(offset)%pieceSize]
}
