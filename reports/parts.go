package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// describeParts says which share of the time of all runs each part of a run took, as in
// ": load 68 %, form 11 %". Parts below 1 % are left out. It is "" for runs without parts. The clock of a
// virtual run is that of its bubble, so its parts are none of the time that the comparison took.
func describeParts(c *harness.Comparison) string {
	var all time.Duration
	var names []string
	took := map[string]time.Duration{}
	for i := range c.Runs {
		for _, p := range c.Runs[i].Parts {
			if took[p.Name] == 0 {
				names = append(names, p.Name)
			}
			took[p.Name] += p.Took
			all += p.Took
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(took[b], took[a]) })
	var texts []string
	for _, name := range names {
		if share := took[name].Seconds() / all.Seconds(); share >= 0.01 {
			texts = append(texts, fmt.Sprintf("%s %.0f %%", name, 100*share))
		}
	}
	if texts == nil {
		return ""
	}
	if c.Backend == "virtual" {
		texts[0] = "of the virtual time " + texts[0]
	}
	return ": " + strings.Join(texts, ", ")
}
