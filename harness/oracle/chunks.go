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
	piece := int(offset / chunkSize)
	for piece >= len(c.pieces) {
		c.pieces = append(c.pieces, nil)
	}
	if c.pieces[piece] == nil {
		c.pieces[piece] = new([chunkSize]T)
	}
	c.end = max(c.end, offset+1)
	return &c.pieces[piece][offset%chunkSize]
}

// get is what lies at an offset, zero where nothing does.
func (c *chunks[T]) get(offset int64) (value T) {
	if offset < 0 || offset >= c.end || c.pieces[offset/chunkSize] == nil {
		return value
	}
	return c.pieces[offset/chunkSize][offset%chunkSize]
}
