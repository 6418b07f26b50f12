package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
)

// Sealing is what [Seal] found.
type Sealing struct {
	Slots int64 // Slots is how many the file has.
	// Torn is how many slots a killed writer had reserved and not published, plus one
	// if the file ended within a slot. They say nothing.
	Torn   int64
	Digest string // Digest is that of [Reader.Digest].
	Floors Floors // Floors are nil of a file that was sealed before.
}

// Seal completes the journal at path, whose writer must have ended. It brings in what
// a killed writer left in frames and cuts the unused end. Then it appends a checksum
// for each block and a footer, so that a flipped bit is found. A sealed file stays as
// it is.
func Seal(path string) (Sealing, error) {
	r, err := Open(path)
	if err != nil {
		return Sealing{}, err
	}
	defer r.Close()
	found := Sealing{Slots: r.slots, Torn: r.cut}
	if r.sums == nil {
		if err := r.writeSeal(&found); err != nil {
			return found, fmt.Errorf("seal journal: %w", err)
		}
	}
	found.Digest = r.Digest()
	return found, nil
}

// writeSeal seals the file and counts what is torn.
func (r *Reader) writeSeal(found *Sealing) error {
	f, err := os.OpenFile(r.file.Name(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	sums := make([]uint32, r.blockCount())
	for i := range sums {
		slots, err := r.blockAt(int64(i))
		if err != nil {
			return err
		}
		found.Torn += countTorn(slots)
		found.Floors = found.Floors.withBlock(slots)
		raw := r.buf[:len(slots)*SlotSize]
		if r.frames != nil && r.frames.hasMapping(int64(i)) {
			if _, err := f.WriteAt(raw, int64(i)*blockSize); err != nil {
				return err
			}
		}
		sums[i] = crc32.Checksum(raw, castagnoli)
	}
	if err := f.Truncate(r.slots * SlotSize); err != nil {
		return err
	}
	if _, err := f.WriteAt(sealOf(r.slots, sums), r.slots*SlotSize); err != nil {
		return err
	}
	if r.frames != nil {
		if err := os.Remove(r.frames.file.Name()); err != nil {
			return err
		}
	}
	r.sums = sums
	return f.Close()
}

// countTorn is how many slots were reserved and never published.
func countTorn(slots []Slot) (n int64) {
	for i := range slots {
		if slots[i].Kind() == 0 {
			n++
		}
	}
	return n
}

// Digest is the SHA-256 of the seal, in hexadecimal: of the checksums of all blocks
// and of the footer. With the blocks, which are verified as they are read, it stands
// for the whole journal. "" if it is not sealed.
func (r *Reader) Digest() string {
	if r.sums == nil {
		return ""
	}
	sum := sha256.Sum256(sealOf(r.slots, r.sums))
	return hex.EncodeToString(sum[:])
}

// sealOf is what a sealed file has behind its slots: the checksums of the blocks and
// the footer.
func sealOf(slots int64, sums []uint32) []byte {
	tail := make([]byte, sumsSize(int64(len(sums)))+SlotSize)
	for i, sum := range sums {
		binary.LittleEndian.PutUint32(tail[4*i:], sum)
	}
	copy(tail[len(tail)-SlotSize:], footer(slots))
	return tail
}

// footer is the last slot of a sealed file: the magic, the number of slots, the
// magic again.
func footer(slots int64) []byte {
	foot := make([]byte, SlotSize)
	copy(foot, sealMagic)
	binary.LittleEndian.PutUint64(foot[len(sealMagic):], uint64(slots))
	copy(foot[SlotSize-len(sealMagic):], sealMagic)
	return foot
}

// sumsSize is the length of the checksums of a number of blocks, in whole slots.
func sumsSize(blocks int64) int64 { return (4*blocks + SlotSize - 1) / SlotSize * SlotSize }
