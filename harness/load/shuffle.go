package load

import "math"

// shuffle puts the numbers below n into a random order, without a table: at is a permutation,
// again and again. Draws by it are draws without replacement, so that counts come out exactly.
//
// It is a Feistel network over pairs of residues, a cipher for small domains. Numbers that fall
// outside of the domain are encrypted again ("cycle walking"). See Black and Rogaway, Ciphers with
// Arbitrary Finite Domains, 2002.
type shuffle struct {
	n    uint64 // n numbers, above zero
	a, b uint64 // a times b is at least n, and hardly more.
}

func newShuffle(n uint64) shuffle {
	a := uint64(math.Ceil(math.Sqrt(float64(n))))
	return shuffle{n: n, a: a, b: (n + a - 1) / a}
}

// feistelRounds is enough for the order to look random; the attacks that more rounds resist are
// of no concern here.
const feistelRounds = 6

// at is the i-th number. After n of them the next order begins.
func (s shuffle) at(i, seed uint64) uint64 {
	seed = mix(seed ^ mix(i/s.n))
	x := i % s.n
	for {
		l, r := x%s.a, x/s.a
		for round := range uint64(feistelRounds) {
			if round%2 == 0 {
				l = (l + mix(seed+round*golden+r)) % s.a
			} else {
				r = (r + mix(seed+round*golden+l)) % s.b
			}
		}
		if x = l + s.a*r; x < s.n {
			return x
		}
	}
}
