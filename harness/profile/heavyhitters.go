package profile

// heavyHitters keeps the counts of the most frequent keys of a stream in a fixed number of entries
// (Space-Saving: Metwally, Agrawal and El Abbadi, Efficient Computation of Frequent and Top-k Elements
// in Data Streams, 2005). A new key takes the place of the entry with the lowest count, and may have had
// up to that many records before. Entries are a heap with the lowest count on top.
type heavyHitters struct {
	capacity int
	entries  []heavyHitter
	at       map[uint64]int // at is the place of a hash in entries.
}

// heavyHitter has a count that is too high by at most over.
type heavyHitter struct {
	hash          uint64
	records, over uint64
}

func newHeavyHitters(capacity int) *heavyHitters {
	return &heavyHitters{capacity: capacity, at: make(map[uint64]int, capacity)}
}

// pushKey adds a key that is not there, with its exact count.
func (h *heavyHitters) pushKey(hash, records uint64) {
	h.entries = append(h.entries, heavyHitter{hash: hash, records: records})
	h.at[hash] = len(h.entries) - 1
	h.siftUp(len(h.entries) - 1)
}

// addKey counts a record.
func (h *heavyHitters) addKey(hash, weight uint64) {
	i, ok := h.at[hash]
	switch {
	case ok:
	case len(h.entries) < h.capacity:
		h.pushKey(hash, weight)
		return
	default:
		lowest := &h.entries[0]
		delete(h.at, lowest.hash)
		h.at[hash] = 0
		lowest.hash, lowest.over = hash, lowest.records
	}
	h.entries[i].records += weight
	h.siftDown(i)
}

func (h *heavyHitters) swap(i, j int) {
	h.entries[i], h.entries[j] = h.entries[j], h.entries[i]
	h.at[h.entries[i].hash], h.at[h.entries[j].hash] = i, j
}

func (h *heavyHitters) siftUp(i int) {
	for i > 0 && h.entries[i].records < h.entries[(i-1)/2].records {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (h *heavyHitters) siftDown(i int) {
	for {
		low := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.entries); child++ {
			if h.entries[child].records < h.entries[low].records {
				low = child
			}
		}
		if low == i {
			return
		}
		h.swap(i, low)
		i = low
	}
}
