package observe

import (
	"slices"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// TestFetchesAreWrittenInSteps writes a fetch if its pod reads on a step further or goes back, or
// if another pod read there last. Only fetches of the source by pods count.
func TestFetchesAreWrittenInSteps(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	for at, f := range []harness.Fetch{
		{ClientID: "pod-1.1", Topic: "t", Offset: 0},
		{ClientID: "pod-1.1", Topic: "t", Offset: 15},
		{ClientID: "pod-1.1", Topic: "t", Offset: 16},
		{ClientID: "pod-1.1", Topic: "t", Partition: 1, Offset: 16},
		{ClientID: "pod-1.1", Topic: "t", Offset: 20},
		{ClientID: "pod-1.1", Topic: "t", Offset: 40},
		{ClientID: "pod-1.1", Topic: "t", Offset: 39},
		{ClientID: "pod-2.1", Topic: "t", Offset: 41},
		{ClientID: "pod-1.1", Topic: "t", Offset: 41},
		{ClientID: "pod-1.1", Topic: "t-retry", Offset: 90},
		{ClientID: "pod-1.1", Topic: "other", Offset: 90},
		{ClientID: "reader", Topic: "t", Offset: 90},
		{ClientID: "pod-1.1", Topic: "t", Offset: -1},
		{ClientID: "pod-1.1", Topic: "t", Partition: 2, Offset: 90},
	} {
		f.At = int64(at)
		w.recordFetch(f)
	}
	want := []string{
		"fetched p0@0 by 1 at 0", "fetched p0@16 by 1 at 2", "fetched p1@16 by 1 at 3", "fetched p0@40 by 1 at 5", "fetched p0@39 by 1 at 6",
		"fetched p0@41 by 2 at 7", "fetched p0@41 by 1 at 8",
	}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("wrote %q, want %q", got, want)
	}
}
