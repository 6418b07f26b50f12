package oracle

// offsetSlice is a slice by offset that grows by pieces and is never copied: of a hundred million records, a
// copy would take as much memory again. The zero value is empty. A value that was never set is zero.
type offsetSlice[T any] struct {
	pieces []*[pieceSize]T
	end    int64
}

const pieceSize = 1 << 12

// placeAt is the place of an offset of 0 and more, for writing.
func (s *offsetSlice[T]) placeAt(offset int64) *T {
	s.end = max(s.end, offset+1)
	piece := uint64(offset) / pieceSize
	if piece >= uint64(len(s.pieces)) || s.pieces[piece] == nil {
		s.addPiece(int(piece))
	}
	return &s.pieces[piece][uint64(offset)%pieceSize]
}

func (s *offsetSlice[T]) addPiece(piece int) {
	if piece >= len(s.pieces) {
		s.pieces = append(s.pieces, make([]*[pieceSize]T, piece+1-len(s.pieces))...)
	}
	s.pieces[piece] = new([pieceSize]T)
}

// valueAt is the value at an offset.
func (s *offsetSlice[T]) valueAt(offset int64) (value T) {
	piece := uint64(offset) / pieceSize
	if piece >= uint64(len(s.pieces)) || s.pieces[piece] == nil {
		return value
	}
	return s.pieces[piece][uint64(offset)%pieceSize]
}
