package ledger

// Sightings are what the attempts of pods say about the source: which record lies at which position. They keep
// a hash of each record, in pieces that are never copied. The hash takes one record for another in one case of
// four billion. Not safe for concurrent use.
type Sightings struct {
	parts [][]*sightedPiece // parts are by partition.
}

// sightedPiece has a hash for each of some offsets in a row, or [unseen] or [contradicted].
type sightedPiece [sightedSize]uint32

const (
	sightedSize  = 1 << 12
	sightedAhead = 1 << 12 // sightedAhead is how many pieces beyond twice the present ones an offset may lie and still count.

	unseen       = 0 // no attempt was at the offset
	contradicted = 1 // two attempts found two records there
)

// NewSightings has room for the partitions of the source.
func NewSightings(partitions int) *Sightings {
	return &Sightings{parts: make([][]*sightedPiece, partitions)}
}

// AddAttempt notes what a slot of [KindAttempt] says. An attempt at a record that is corrupt, or of another run,
// proves nothing, and neither does one at an absurd position.
func (s *Sightings) AddAttempt(a *Slot) {
	if a.Kind() != KindAttempt || a.Topic != 0 || a.Flags&FlagCorrupt != 0 || a.key == NoIdentity {
		return
	}
	cell := s.growTo(a.Partition, a.offset)
	if cell == nil {
		return
	}
	switch hash := sightedHash(a.key, a.seq); *cell {
	case unseen:
		*cell = hash
	case hash:
	default:
		*cell = contradicted
	}
}

// growTo is the cell of a position, nil if the position is absurd.
func (s *Sightings) growTo(partition int32, offset int64) *uint32 {
	if uint(partition) >= uint(len(s.parts)) || offset < 0 {
		return nil
	}
	pieces, at := &s.parts[partition], uint64(offset)/sightedSize
	if at >= uint64(len(*pieces)) {
		if at >= 2*uint64(len(*pieces))+sightedAhead {
			return nil
		}
		*pieces = append(*pieces, make([]*sightedPiece, at+1-uint64(len(*pieces)))...)
	}
	if (*pieces)[at] == nil {
		(*pieces)[at] = new(sightedPiece)
	}
	return &(*pieces)[at][uint64(offset)%sightedSize]
}

// agreesWith reports whether each attempt at the position of an acknowledged send found its record there, and
// there was one.
func (s *Sightings) agreesWith(send *Slot) bool {
	if uint(send.Partition) >= uint(len(s.parts)) || send.offset < 0 {
		return false
	}
	pieces, at := s.parts[send.Partition], uint64(send.offset)/sightedSize
	if at >= uint64(len(pieces)) || pieces[at] == nil {
		return false
	}
	return pieces[at][uint64(send.offset)%sightedSize] == sightedHash(send.key, send.seq)
}

// sightedHash hashes a record to a number above [contradicted].
func sightedHash(key, seq uint32) uint32 {
	x := uint64(key)<<32 | uint64(seq)
	x = (x ^ x>>29) * 0xbf58476d1ce4e5b9
	return max(contradicted+1, uint32(x>>32))
}
