package oracle

// chunks is a slice by offset that grows by pieces and is never copied: where a
// hundred million records are judged, the copy would be as much again. The zero
// value is empty, and what was never set is zero.
type chunks[T any] struct {
	pieces []*[chunkSize]T
	end    int64
}

const chunkSize = 1 << 12

// at is the place of an offset of 0 and more, for writing.
func (c *chunks[T]) at(offset int64) *T {
	c.end = max(c.end, offset+1)
	piece := uint64(offset) / chunkSize
	if piece >= uint64(len(c.pieces)) || c.pieces[piece] == nil {
		c.add(int(piece))
	}
	return &c.pieces[piece][uint64(offset)%chunkSize]
}

func (c *chunks[T]) add(piece int) {
	if piece >= len(c.pieces) {
		c.pieces = append(c.pieces, make([]*[chunkSize]T, piece+1-len(c.pieces))...)
	}
	c.pieces[piece] = new([chunkSize]T)
}

// get is what lies at an offset, zero where nothing does.
func (c *chunks[T]) get(offset int64) (value T) {
	piece := uint64(offset) / chunkSize
	if piece >= uint64(len(c.pieces)) || c.pieces[piece] == nil {
		return value
	}
	return c.pieces[piece][uint64(offset)%chunkSize]
}
