package ledger

import (
	"math"
	"testing"
)

func TestIsKey(t *testing.T) {
	for _, key := range []uint32{0, 1, 9, 10, 100, 1234567, math.MaxUint32} {
		is := AppendKey(nil, key)
		if !IsKey(is, key) || len(is) > MaxKeyLen {
			t.Errorf("%s is not the key %d, or too long", is, key)
		}
		for _, not := range []string{"", "key-", string(is[4:]), string(is) + "0", "key-0" + string(is[4:]), string(is[:len(is)-1]), "kez" + string(is[3:]), string(is) + "\x00"} {
			if IsKey([]byte(not), key) {
				t.Errorf("%q is the key %d", not, key)
			}
		}
	}
}
