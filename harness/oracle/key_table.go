package oracle

// keyTable keeps a small value for each key, in pages: keys are indices into the
// scenario's distribution, so that pages are full; a damaged key costs one page.
// The zero value is empty.
type keyTable[T any] struct{ pages []*[pageKeys]T }

// pageKeys is how many keys a page holds.
const pageKeys = 1 << 12

func (p *keyTable[T]) valueOf(key uint32) *T {
	n := int(key / pageKeys)
	if n >= len(p.pages) || p.pages[n] == nil {
		p.addPage(n)
	}
	return &p.pages[n][key%pageKeys]
}

// peekValue is the value of a key, nil if its page is not there yet.
func (p *keyTable[T]) peekValue(key uint32) *T {
	if n := int(key / pageKeys); n < len(p.pages) && p.pages[n] != nil {
		return &p.pages[n][key%pageKeys]
	}
	return nil
}

func (p *keyTable[T]) addPage(page int) {
	if page >= len(p.pages) {
		p.pages = append(p.pages, make([]*[pageKeys]T, page+1-len(p.pages))...)
	}
	p.pages[page] = new([pageKeys]T)
}
