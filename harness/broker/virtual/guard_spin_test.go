package virtual

import (
	"fmt"
	"testing"
)

// Several pods may spin alike, each with a part of the requests. The spin has the name of one.
func TestSpinOfSeveralClientsNamesOne(t *testing.T) {
	g := &Guard{last: map[request]int{{"Fetch", "pod-1.1"}: 40, {"Fetch", "pod-2.1"}: 60, {"Metadata", "observer"}: 2}}
	if s := g.describeSpin(100); fmt.Sprint(s.Client, s.Asks, s.Count) != "pod-2.1Fetch60" {
		t.Errorf("%+v", s)
	}
	g.last[request{"Metadata", "observer"}] = 50
	if s := g.describeSpin(100); s.Client != "" {
		t.Errorf("%+v: no client and no kind has nearly all", s)
	}
}
