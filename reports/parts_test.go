package reports

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

func TestTextSaysWhereTheTimeWent(t *testing.T) {
	parts := func(form, load, seal time.Duration) harness.Run {
		return harness.Run{Parts: []harness.RunPart{{Name: "form", Took: form}, {Name: "load", Took: load}, {Name: "seal", Took: seal}}}
	}
	runs := []harness.Run{parts(time.Second, 7*time.Second, time.Millisecond), {}, parts(time.Second, time.Second, 0)}
	if got, want := describeParts(runs), ": load 80 %, form 20 %"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := describeParts(make([]harness.Run, 2)); got != "" {
		t.Errorf("%q for runs without parts", got)
	}
}
