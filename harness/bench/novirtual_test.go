//go:build !synctests

package bench

import (
	"strings"
	"testing"
)

// progressBroker is where the tests of the display run their comparison.
const progressBroker = "embedded"

// Without the tag a run in virtual time would hang.
func TestVirtualBackendRefusesABinaryWithoutItsTag(t *testing.T) {
	exit, out := startChild(t, "-broker=virtual", "-scenario=brief", "-consumer=absent")
	if want := "-tags synctests"; exit != exitNoRun || !strings.Contains(out, want) {
		t.Errorf("exit status %d, want %d and %q in:\n%s", exit, exitNoRun, want, out)
	}
}
