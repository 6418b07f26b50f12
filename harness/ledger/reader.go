package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"unsafe"
)

const (
	blockSlots = 1024 // slots that one checksum of a sealed file covers
	blockSize  = blockSlots * SlotSize
	sealMagic  = "stampede ledger 1 sealed"
)

// ErrCorrupt is returned for a sealed file whose content is not what was sealed.
var ErrCorrupt = errors.New("ledger file is corrupt")

// Reader reads a journal from disk. Of a sealed file it verifies every block;
// an unsealed one, as a killed writer leaves it, is read as it is. Safe for one
// goroutine.
type Reader struct {
	file   *os.File
	frames *frameReader // frames has what a killed writer did not bring into the file; mostly nil
	slots  int64
	sums   []uint32 // by block; nil if not sealed
	buf    []byte
	loaded int64 // block in buf
	cut    int64 // 1 if the file ends within a slot
}

// Open opens the journal at path, whose writer may be dead but not alive.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	r := &Reader{file: f, buf: alignedBlock(), loaded: -1}
	if err := r.open(); err != nil {
		r.Close()
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	return r, nil
}

// alignedBlock is room for a block at an address fit for slots.
func alignedBlock() []byte {
	slots := make([]Slot, blockSlots)
	return unsafe.Slice((*byte)(unsafe.Pointer(&slots[0])), blockSize)
}

func (r *Reader) open() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if size >= SlotSize {
		foot := make([]byte, SlotSize)
		if _, err := r.file.ReadAt(foot, size-SlotSize); err != nil {
			return err
		}
		// Either copy of the magic makes it a sealed file, so that one flipped bit
		// cannot make it pass for an unsealed one.
		if string(foot[:len(sealMagic)]) == sealMagic || string(foot[SlotSize-len(sealMagic):]) == sealMagic {
			return r.openSealed(size, foot)
		}
	}
	if r.frames, err = openFrames(r.file.Name()); err != nil {
		return err
	}
	if r.frames != nil {
		if err := r.frames.look(); err != nil {
			return err
		}
	}
	r.slots, r.cut = size/SlotSize, min(1, size%SlotSize)
	return r.trim()
}

func (r *Reader) openSealed(size int64, foot []byte) error {
	r.slots = int64(binary.LittleEndian.Uint64(foot[len(sealMagic):]))
	blocks := (r.slots + blockSlots - 1) / blockSlots
	if r.slots < 0 || r.slots > size/SlotSize || size != r.slots*SlotSize+sumsSize(blocks)+SlotSize || !bytes.Equal(foot, footer(r.slots)) {
		return fmt.Errorf("%w: the footer says %d slots, the file has %d bytes", ErrCorrupt, r.slots, size)
	}
	raw := make([]byte, sumsSize(blocks))
	if _, err := r.file.ReadAt(raw, r.slots*SlotSize); err != nil {
		return err
	}
	if rest := raw[4*blocks:]; !bytes.Equal(rest, make([]byte, len(rest))) {
		return fmt.Errorf("%w: there is something behind the checksums", ErrCorrupt)
	}
	r.sums = make([]uint32, blocks)
	for i := range r.sums {
		r.sums[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return nil
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

// trim leaves out the slots at the end that were allocated and never used.
func (r *Reader) trim() error {
	for r.slots > 0 {
		last := (r.slots - 1) / blockSlots
		b, err := r.block(last)
		if err != nil {
			return err
		}
		for i := len(b) - 1; i >= 0; i-- {
			if b[i].Kind() != 0 {
				r.slots = last*blockSlots + int64(i) + 1
				r.loaded = -1
				return nil
			}
		}
		r.slots = last * blockSlots
	}
	return nil
}

// Len is the number of slots, those that were reserved and never published among them.
func (r *Reader) Len() int64 { return r.slots }

// Sealed reports whether the journal was sealed, so that all it has is verified.
func (r *Reader) Sealed() bool { return r.sums != nil }

// blocks is the number of blocks.
func (r *Reader) blocks() int64 { return (r.slots + blockSlots - 1) / blockSlots }

// block reads block i. The slots are valid until the next call.
func (r *Reader) block(i int64) ([]Slot, error) {
	n := min(blockSlots, r.slots-i*blockSlots)
	raw := r.buf[:n*SlotSize]
	if r.loaded != i {
		r.loaded = -1
		if err := r.read(raw, i); err != nil {
			return nil, fmt.Errorf("read journal %s: %w", r.file.Name(), err)
		}
		if r.sums != nil && crc32.Checksum(raw, castagnoli) != r.sums[i] {
			return nil, fmt.Errorf("journal %s: block %d: %w", r.file.Name(), i, ErrCorrupt)
		}
		r.loaded = i
	}
	return unsafe.Slice((*Slot)(unsafe.Pointer(&raw[0])), n), nil
}

// read reads block i, or its beginning, from its frame or from the file.
func (r *Reader) read(raw []byte, i int64) error {
	if r.frames != nil {
		if ok, err := r.frames.read(raw, i, 0); ok || err != nil {
			return err
		}
	}
	if _, err := r.file.ReadAt(raw, i*blockSize); err != nil && err != io.EOF {
		return err
	}
	return nil
}

// Each calls fn for every published slot, in the order of reservation. The
// slot is valid during the call alone.
func (r *Reader) Each(fn func(*Slot)) error {
	return r.Blocks(func(b []Slot) {
		for k := range b {
			if b[k].Kind() != 0 {
				fn(&b[k])
			}
		}
	})
}

// Blocks calls fn for all slots, many at a time, in the order of reservation, with
// those that were never published. They are valid during the call alone.
func (r *Reader) Blocks(fn func([]Slot)) error {
	for i := range r.blocks() {
		b, err := r.block(i)
		if err != nil {
			return err
		}
		fn(b)
	}
	return nil
}

// Close closes the file.
func (r *Reader) Close() error {
	if r.frames != nil {
		r.frames.close()
	}
	return r.file.Close()
}

// Sealing is what [Seal] found.
type Sealing struct {
	Slots int64 // Slots is how many the file has.
	// Torn is how many of them a killed writer had reserved and not published, and
	// a last one cut in its middle, which is cut off: they say nothing.
	Torn int64
}

// Seal brings what a killed writer left in frames into the journal at path, cuts
// the space that was allocated and not used, and appends a checksum for each block and a footer: from then on a flipped bit is
// found. Its writer must have ended. A sealed file is left as it is.
func Seal(path string) (Sealing, error) {
	r, err := Open(path)
	if err != nil {
		return Sealing{}, err
	}
	defer r.Close()
	found := Sealing{Slots: r.slots, Torn: r.cut}
	if r.sums != nil {
		return found, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return found, fmt.Errorf("seal journal: %w", err)
	}
	defer f.Close()
	sums := make([]uint32, r.blocks())
	for i := range r.blocks() {
		slots, err := r.block(i)
		if err != nil {
			return found, err
		}
		for k := range slots {
			if slots[k].Kind() == 0 {
				found.Torn++
			}
		}
		raw := r.buf[:len(slots)*SlotSize]
		if r.frames != nil && r.frames.has(i) {
			if _, err := f.WriteAt(raw, i*blockSize); err != nil {
				return found, fmt.Errorf("seal journal: %w", err)
			}
		}
		sums[i] = crc32.Checksum(raw, castagnoli)
	}
	if err := f.Truncate(r.slots * SlotSize); err != nil {
		return found, fmt.Errorf("seal journal: %w", err)
	}
	if err := writeSeal(f, r.slots, sums); err != nil {
		return found, fmt.Errorf("seal journal: %w", err)
	}
	if r.frames != nil {
		if err := os.Remove(r.frames.file.Name()); err != nil {
			return found, fmt.Errorf("seal journal: %w", err)
		}
	}
	return found, f.Close()
}

// writeSeal appends the checksums of the blocks and the footer to a file of slots.
func writeSeal(f *os.File, slots int64, sums []uint32) error {
	tail := make([]byte, sumsSize(int64(len(sums)))+SlotSize)
	for i, sum := range sums {
		binary.LittleEndian.PutUint32(tail[4*i:], sum)
	}
	copy(tail[len(tail)-SlotSize:], footer(slots))
	_, err := f.WriteAt(tail, slots*SlotSize)
	return err
}
