package reports

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// visibleAtFirst is how many consumers a chart can show without confusion. With
// more consumers the legend is a panel, and the others are hidden at first.
const visibleAtFirst = 6

// legendGroup is the consumers with one claim, the fastest first.
type legendGroup struct {
	Claim     string
	Consumers []pageConsumer
}

// legendGroups groups the consumers by claim and sorts each group by p99. It
// clears Shown of the consumers that are hidden at first: one group after the
// other shows its next consumer, so that every claim is visible. Controls come
// last. It is nil for few consumers, which are all shown.
func (v *view) legendGroups(consumers []pageConsumer) []legendGroup {
	if len(consumers) <= visibleAtFirst {
		return nil
	}
	sorted := make([]*pageConsumer, len(consumers))
	for i := range consumers {
		sorted[i] = &consumers[i]
		consumers[i].Shown = false
	}
	slices.SortStableFunc(sorted, func(a, b *pageConsumer) int { return cmp.Compare(v.typicalP99(a.Name), v.typicalP99(b.Name)) })
	var names []string
	members := map[string][]*pageConsumer{}
	for i := range consumers {
		if name := claimOf(&consumers[i]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return orderLast(a == controlClaim) - orderLast(b == controlClaim) })
	for _, c := range sorted {
		members[claimOf(c)] = append(members[claimOf(c)], c)
	}
	showFirst(names, members)
	giveLooks(consumers)
	var groups []legendGroup
	for _, name := range names {
		g := legendGroup{Claim: name}
		for _, c := range members[name] {
			g.Consumers = append(g.Consumers, *c)
		}
		groups = append(groups, g)
	}
	return groups
}

// showFirst shows visibleAtFirst consumers, one of each claim in turn.
func showFirst(names []string, members map[string][]*pageConsumer) {
	shown := 0
	for rank := 0; shown < visibleAtFirst; rank++ {
		before := shown
		for _, name := range names {
			if name != controlClaim && rank < len(members[name]) && shown < visibleAtFirst {
				members[name][rank].Shown = true
				shown++
			}
		}
		if shown == before {
			return
		}
	}
}

// giveLooks gives the first looks, which differ most, to the consumers that are shown.
func giveLooks(consumers []pageConsumer) {
	look := 0
	for _, shown := range []bool{true, false} {
		for i := range consumers {
			if consumers[i].Shown == shown {
				consumers[i].Class = seriesClass(consumers[i].Switch, look)
				look++
			}
		}
	}
}

const controlClaim = "control"

func claimOf(c *pageConsumer) string {
	if c.Control {
		return controlClaim
	}
	return harness.DescribeClaims(c.Delivery, c.Redelivery, c.Order)
}

// typicalP99 is the median over the scenarios of a consumer's end-to-end p99, without those of a
// saturated machine. It is infinite for a consumer without such latencies.
func (v *view) typicalP99(consumer string) float64 {
	var all []float64
	for i := range v.Scenarios {
		if c := v.cellOf(v.Scenarios[i].Name, consumer); c != nil && !c.Saturated {
			if curve := curveOf(c, everyRecord); curve != nil {
				if l, ok := latencyAt(curve, 0.99); ok {
					all = append(all, l)
				}
			}
		}
	}
	if len(all) == 0 {
		return math.Inf(1)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// switchCSS hides the lines of a consumer while its box in the legend is not
// checked. Style alone does it, so it works in a page without scripts.
func switchCSS(consumers int) template.CSS {
	var b strings.Builder
	for i := range consumers {
		fmt.Fprintf(&b, "body:has(#show%d:not(:checked)) :is(.charts .ln, .charts .end, .inline-legend span).k%d { display: none; }\n", i, i)
	}
	return template.CSS(b.String())
}

// splitName splits "keyed@848?workers=8" before its protocol and its knobs.
func splitName(name string) (label, variant string) {
	if at := strings.IndexAny(name, "@?"); at > 0 {
		return name[:at], name[at:]
	}
	return name, ""
}
