package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

// list prints what can be run.
func list(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintf(w, "CONSUMERS  name[@protocol][?knob=value&knob=value]; protocols: %s\n", protocols())
	for _, i := range harness.Implementations() {
		if i.Mutant {
			continue
		}
		claims := fmt.Sprintf("%s, order: %s", i.Delivery, i.Order)
		if i.Control() {
			claims += ", control: " + mustFail(i)
		}
		fmt.Fprintf(w, "  %s\t%s\n\t%s\n\tknobs: %s\n", i.Name, claims, i.Doc, knobs(i))
	}
	fmt.Fprintln(w, "\nSCENARIOS")
	for _, s := range harness.Scenarios() {
		applied, err := engine.Overrides{}.Apply(*s)
		if err != nil {
			fmt.Fprintf(w, "  %s\t%v\n", s.Name, err)
			continue
		}
		info := engine.Info(applied)
		doc := s.Doc
		if s.Extra {
			doc += " Extra: not among *."
		}
		fmt.Fprintf(w, "  %s\t%s\n\tload: %s, keys %s, work %s, %d bytes; %d partitions, %d pods of %d workers\n",
			s.Name, doc, info.Pacer, info.Keys, info.Service, info.Payload, info.Partitions, info.Pods, info.Workers)
		if info.Failures != "" {
			fmt.Fprintf(w, "\tfailures: %s\n", info.Failures)
		}
		if info.Slowdown != "" {
			fmt.Fprintf(w, "\tslowdown: %s\n", info.Slowdown)
		}
		for _, f := range info.Faults {
			fmt.Fprintf(w, "\tfault: %s\n", f)
		}
		if len(s.Consumers) > 0 {
			fmt.Fprintf(w, "\tconsumers: %s, if the line names none\n", strings.Join(s.Consumers, ", "))
		}
		fmt.Fprintf(w, "\ttakes about %v with a consumer that keeps up\n", engine.Estimate(applied, applied.Workers).Round(time.Second))
	}
}

func protocols() string {
	var names []string
	for _, p := range harness.Protocols {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ") + " (default " + names[0] + ")"
}

func mustFail(i *harness.Implementation) string {
	var all []string
	for _, e := range i.MustFail {
		all = append(all, fmt.Sprintf("must fail %s by %s", e.Scenario, e.Check))
	}
	return strings.Join(all, ", ")
}

func knobs(i *harness.Implementation) string {
	all := append([]string(nil), harness.SharedKnobs...)
	for _, k := range i.Knobs {
		all = append(all, fmt.Sprintf("%s=%s (%s)", k.Name, k.Default, k.Doc))
	}
	return strings.Join(all, ", ")
}
