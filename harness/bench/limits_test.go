package bench

import (
	"strings"
	"testing"
)

func TestPodsMustFitIntoTheMemory(t *testing.T) {
	for _, c := range []struct {
		pods, workers int
		memory        uint64
		want          string // in the error, "" for none
	}{
		{3, 50, 1 << 30, ""},
		{3, 50, 0, ""}, // unknown
		{300, 50, 8 << 30, "its 300 pods need 6.0 GiB, and this machine has 4.0 GiB for pods: lower PODS, WORKERS or WINDOW"},
		{3, 100_000, 4 << 30, "its 3 pods need 2.3 GiB, and this machine has 2.0 GiB for pods"},
	} {
		o := options{scenario: "brief", consumer: "absent", broker: "embedded"}
		o.over.Pods, o.over.Workers = c.pods, c.workers
		m, err := o.resolveMatrix()
		if err != nil {
			t.Fatal(err)
		}
		if err := o.checkLimits(m, c.memory); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d pods of %d workers in %d bytes: %v, want %q", c.pods, c.workers, c.memory, err, c.want)
		}
	}
}
