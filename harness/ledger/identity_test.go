package ledger

import (
	"errors"
	"math"
	"testing"
)

func TestIdentityRoundTripAndDamage(t *testing.T) {
	id := Identity{Run: 1 << 60, Key: 4, Seq: 5, Due: -6, Sent: 7, Log: 3}
	v := make([]byte, IdentitySize+9)
	copy(v[IdentitySize:], "some body")
	id.Encode(v)
	if got, err := DecodeIdentity(v); err != nil || got != id {
		t.Fatalf("got %+v, %v, want %+v", got, err, id)
	}
	for bit := range len(v) * 8 {
		v[bit/8] ^= 1 << (bit % 8)
		got, err := DecodeIdentity(v)
		if err == nil {
			t.Errorf("bit %d flipped and not found", bit)
		}
		if bit/8 >= IdentitySize && (got != id || !errors.Is(err, ErrChecksum)) {
			t.Errorf("bit %d of the body flipped: %+v, %v, want %+v all the same", bit, got, err, id)
		}
		v[bit/8] ^= 1 << (bit % 8)
	}
	if _, err := DecodeIdentity(v[:IdentitySize-1]); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("short value: %v", err)
	}
}

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
