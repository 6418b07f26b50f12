package oracle

// perKey keeps a small value for each key, in pages: keys are indices into the
// scenario's distribution, so that pages are full; a damaged key costs one page.
// The zero value is empty.
type perKey[T any] struct{ pages []*[pageKeys]T }

// pageKeys is how many keys a page holds.
const pageKeys = 1 << 12

func (p *perKey[T]) at(key uint32) *T {
	n := int(key / pageKeys)
	if n >= len(p.pages) || p.pages[n] == nil {
		p.add(n)
	}
	return &p.pages[n][key%pageKeys]
}

// peek is the value of a key, nil if its page is not there yet.
func (p *perKey[T]) peek(key uint32) *T {
	if n := int(key / pageKeys); n < len(p.pages) && p.pages[n] != nil {
		return &p.pages[n][key%pageKeys]
	}
	return nil
}

func (p *perKey[T]) add(page int) {
	if page >= len(p.pages) {
		p.pages = append(p.pages, make([]*[pageKeys]T, page+1-len(p.pages))...)
	}
	p.pages[page] = new([pageKeys]T)
}
