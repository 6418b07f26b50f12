//go:build synctests

package engine_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
)

// lateKeys give a key that is none of them to a late record.
type lateKeys struct{}

func (lateKeys) Key(n uint64, _ *rand.Rand) uint32 { return uint32(n / 2_000) }
func (lateKeys) Count() int                        { return 1 }
func (lateKeys) String() string                    { return "late" }

func TestKeyPastTheCountIsAnErrorOfTheRun(t *testing.T) {
	_, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) { s.Load.Keys = lateKeys{} }), "keyed", 1)
	if want := "load: keys late give key 1 to record 2000: want one below their count of 1"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q in it", err, want)
	}
}
