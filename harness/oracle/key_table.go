package oracle

// keyTable keeps a small value for each key, in pages. Keys are indices into the scenario's distribution, so
// pages are full. A damaged key costs one page. The zero value is empty.
type keyTable[T any] struct{ pages []*[pageKeys]T }

// pageKeys is how many keys a page holds.
const pageKeys = 1 << 12

// valueOf is the place of a key's value, for writing.
func (t *keyTable[T]) valueOf(key uint32) *T {
	n := int(key / pageKeys)
	if n >= len(t.pages) || t.pages[n] == nil {
		t.addPage(n)
	}
	return &t.pages[n][key%pageKeys]
}

// peekValue is the place of a key's value, nil if its page is not there yet.
func (t *keyTable[T]) peekValue(key uint32) *T {
	if n := int(key / pageKeys); n < len(t.pages) && t.pages[n] != nil {
		return &t.pages[n][key%pageKeys]
	}
	return nil
}

func (t *keyTable[T]) addPage(page int) {
	if page >= len(t.pages) {
		t.pages = append(t.pages, make([]*[pageKeys]T, page+1-len(t.pages))...)
	}
	t.pages[page] = new([pageKeys]T)
}

// placedKeys keeps a value for each key, as long as a key lies in one partition. Once partitions were added, keys
// have moved: then each partition of a key has a value of its own, since no order holds across partitions.
type placedKeys[T any] struct {
	keyTable[T]
	moving bool
	moved  map[uint64]*T // moved is by key and partition.
}

// valueIn is the place of the value of a key in a partition, for writing.
func (t *placedKeys[T]) valueIn(key uint32, partition int32) *T {
	if !t.moving {
		return t.valueOf(key)
	}
	at := uint64(key)<<32 | uint64(uint32(partition))
	if t.moved == nil {
		t.moved = map[uint64]*T{}
	}
	if t.moved[at] == nil {
		t.moved[at] = new(T)
	}
	return t.moved[at]
}
