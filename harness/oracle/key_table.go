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
