package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"unsafe"
)

const (
	blockSlots = 1024 // slots that one checksum of a sealed file covers
	blockSize  = blockSlots * SlotSize

	formatVersion   = "1" // see the package's documentation
	sealMagicBefore = "stampede ledger "
	sealMagicAfter  = " sealed"
	sealMagic       = sealMagicBefore + formatVersion + sealMagicAfter
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
	f, err := OpenFile(path)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	r := &Reader{file: f, buf: alignedBlock(), loaded: -1}
	if err := r.openFile(); err != nil {
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

func (r *Reader) openFile() error {
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
		first, last := string(foot[:len(sealMagic)]), string(foot[SlotSize-len(sealMagic):])
		// Either copy of the magic makes it a sealed file, so that one flipped bit
		// cannot make it pass for an unsealed one.
		if first == sealMagic || last == sealMagic {
			return r.openSealed(size, foot)
		}
		if v, ok := sealVersion(first); ok && first == last {
			return fmt.Errorf("the file is of version %s, this build reads version %s: make the run again", v, formatVersion)
		}
	}
	if r.frames, err = openFrames(r.file.Name()); err != nil {
		return err
	}
	if r.frames != nil {
		if err := r.frames.refresh(); err != nil {
			return err
		}
	}
	r.slots, r.cut = size/SlotSize, min(1, size%SlotSize)
	return r.cutUnused()
}

// sealVersion is the version in the magic of a file, of any version.
func sealVersion(magic string) (version string, ok bool) {
	version, ok = strings.CutPrefix(magic, sealMagicBefore)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(version, sealMagicAfter)
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

// cutUnused leaves out the slots at the end that were allocated and never used.
func (r *Reader) cutUnused() error {
	for r.slots > 0 {
		last := (r.slots - 1) / blockSlots
		b, err := r.blockAt(last)
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

// blockCount is the number of blocks.
func (r *Reader) blockCount() int64 { return (r.slots + blockSlots - 1) / blockSlots }

// blockAt reads block i. The slots are valid until the next call.
func (r *Reader) blockAt(i int64) ([]Slot, error) {
	raw := r.buf[:r.slotsIn(i)*SlotSize]
	if r.loaded != i {
		r.loaded = -1
		if err := r.readChecked(raw, i); err != nil {
			return nil, err
		}
		r.loaded = i
	}
	return unsafe.Slice((*Slot)(unsafe.Pointer(&raw[0])), r.slotsIn(i)), nil
}

// blockInto reads block i into memory that has room for a block.
func (r *Reader) blockInto(memory []Slot, i int64) ([]Slot, error) {
	slots := memory[:r.slotsIn(i)]
	return slots, r.readChecked(unsafe.Slice((*byte)(unsafe.Pointer(&slots[0])), len(slots)*SlotSize), i)
}

// slotsIn is how many slots block i has.
func (r *Reader) slotsIn(i int64) int64 { return min(blockSlots, r.slots-i*blockSlots) }

// readChecked reads block i and checks its sum.
func (r *Reader) readChecked(raw []byte, i int64) error {
	if err := r.readBlock(raw, i); err != nil {
		return fmt.Errorf("read journal %s: %w", r.file.Name(), err)
	}
	if r.sums != nil && crc32.Checksum(raw, castagnoli) != r.sums[i] {
		return fmt.Errorf("journal %s: block %d: %w", r.file.Name(), i, ErrCorrupt)
	}
	return nil
}

// readBlock reads block i, or its beginning, from its frame or from the file.
func (r *Reader) readBlock(raw []byte, i int64) error {
	if r.frames != nil {
		if ok, err := r.frames.readMapping(raw, i, 0); ok || err != nil {
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
	return r.eachBlock(func(b []Slot) error {
		fn(b)
		return nil
	})
}

// Close closes the file.
func (r *Reader) Close() error {
	if r.frames != nil {
		r.frames.closeFile()
	}
	return r.file.Close()
}
