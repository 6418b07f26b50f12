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
	for backend, want := range map[string]string{"embedded": ": load 80 %, form 20 %", "virtual": ": of the virtual time load 80 %, form 20 %"} {
		if got := describeParts(&harness.Comparison{Backend: backend, Runs: runs}); got != want {
			t.Errorf("%s: %q, want %q", backend, got, want)
		}
	}
	if got := describeParts(&harness.Comparison{Runs: make([]harness.Run, 2)}); got != "" {
		t.Errorf("%q for runs without parts", got)
	}
}
