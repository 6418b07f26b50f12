package oracle

// perKey keeps a small value for each key: in a slice, since keys are indices
// into the scenario's distribution, and in a map for those far out, which only
// a damaged record has. The zero value is empty.
type perKey[T any] struct {
	near []T
	far  map[uint32]*T
}

// nearKeys is how many keys the slice may hold.
const nearKeys = 1 << 24

func (p *perKey[T]) at(key uint32) *T {
	if key >= nearKeys {
		if p.far == nil {
			p.far = map[uint32]*T{}
		}
		if p.far[key] == nil {
			p.far[key] = new(T)
		}
		return p.far[key]
	}
	if int(key) >= len(p.near) {
		p.near = append(p.near, make([]T, int(key)+1-len(p.near))...)
	}
	return &p.near[key]
}
