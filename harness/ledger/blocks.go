package ledger

// blocksAhead is how many blocks are in memory while a whole journal is read.
const blocksAhead = 4

// loadedBlock is a block that was read, or why it could not be.
type loadedBlock struct {
	slots []Slot
	err   error
}

// eachBlock calls fn for the slots of each block, in order, until it fails. A goroutine reads and checks the next
// blocks meanwhile. It has ended when eachBlock returns.
func (r *Reader) eachBlock(fn func([]Slot) error) (err error) {
	full, free := make(chan loadedBlock, blocksAhead), make(chan []Slot, blocksAhead)
	for range min(blocksAhead, r.blockCount()) {
		free <- make([]Slot, blockSlots)
	}
	go func() {
		defer close(full)
		for i := range r.blockCount() {
			memory, more := <-free
			if !more {
				return
			}
			slots, err := r.blockInto(memory, i)
			full <- loadedBlock{slots, err}
			if err != nil {
				return
			}
		}
	}()
	for b := range full {
		if err == nil {
			if err = b.err; err == nil {
				err = fn(b.slots)
			}
			if err != nil {
				close(free) // the goroutine reads no more
				continue
			}
			free <- b.slots[:blockSlots]
		}
	}
	return err
}
