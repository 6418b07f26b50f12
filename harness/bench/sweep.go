package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

// setup is one combination of what a sweep sets.
type setup struct {
	over     engine.Overrides
	settings []harness.Setting // settings are what the sweep set, for the report
}

// sweepFields are what a sweep can set, by the names of their flags.
var sweepFields = map[string]func(*engine.Overrides, string) error{
	"rate":       func(o *engine.Overrides, s string) error { return positiveFloat(&o.Rate).Set(s) },
	"partitions": func(o *engine.Overrides, s string) error { return positiveInt(&o.Partitions).Set(s) },
	"pods":       func(o *engine.Overrides, s string) error { return positiveInt(&o.Pods).Set(s) },
	"workers":    func(o *engine.Overrides, s string) error { return positiveInt(&o.Workers).Set(s) },
	"window":     func(o *engine.Overrides, s string) error { return positiveInt(&o.Window).Set(s) },
	"payload":    func(o *engine.Overrides, s string) error { return positiveInt(&o.Payload).Set(s) },
	"keys":       func(o *engine.Overrides, s string) error { o.Keys = s; return nil },
	"service":    func(o *engine.Overrides, s string) error { o.Service = s; return nil },
}

// mostSetups keeps a sweep within a day.
const mostSetups = 1000

// parseSweep is all combinations of a sweep as "pods=2,4;keys=uniform:20000,hot:0.2/1/10000", on top of
// the flags of the line. The first field changes slowest. Without a sweep it is the line alone.
func parseSweep(line string, base engine.Overrides) ([]setup, error) {
	all := []setup{{over: base}}
	var seen []string
	for _, part := range strings.Split(line, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, values, ok := strings.Cut(part, "=")
		set := sweepFields[name]
		if !ok || set == nil {
			return nil, fmt.Errorf("-sweep %q: want NAME=VALUE,VALUE with a name of %s", part, strings.Join(sweepNames(), ", "))
		}
		if slices.Contains(seen, name) {
			return nil, fmt.Errorf("-sweep sets %s twice", name)
		}
		seen = append(seen, name)
		var next []setup
		for _, s := range all {
			for _, v := range strings.Split(values, ",") {
				with := setup{over: s.over, settings: append(slices.Clone(s.settings), harness.Setting{Name: name, Value: v})}
				if err := set(&with.over, strings.TrimSpace(v)); err != nil {
					return nil, fmt.Errorf("-sweep %s=%s: %w", name, strconv.Quote(v), err)
				}
				next = append(next, with)
			}
		}
		if all = next; len(all) > mostSetups {
			return nil, fmt.Errorf("-sweep has more than %d combinations", mostSetups)
		}
	}
	return all, nil
}

func sweepNames() (names []string) {
	for name := range sweepFields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
