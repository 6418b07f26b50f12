package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// describeParts says which share of the time of all runs each part of a run took, as in
// ": load 68 %, form 11 %". Parts below 1 % are left out. It is "" for runs without parts.
func describeParts(runs []harness.Run) string {
	var all time.Duration
	var names []string
	took := map[string]time.Duration{}
	for i := range runs {
		for _, p := range runs[i].Parts {
			if took[p.Name] == 0 {
				names = append(names, p.Name)
			}
			took[p.Name] += p.Took
			all += p.Took
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return int(took[b] - took[a]) })
	var texts []string
	for _, name := range names {
		if share := took[name].Seconds() / all.Seconds(); share >= 0.01 {
			texts = append(texts, fmt.Sprintf("%s %.0f %%", name, 100*share))
		}
	}
	if texts == nil {
		return ""
	}
	return ": " + strings.Join(texts, ", ")
}
