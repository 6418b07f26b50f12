package bench

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

// options are the flags of the test binary.
type options struct {
	scenario, consumer string
	broker             string
	repeat             int
	seed               uint64
	out                string
	image              string
	in                 string
	judge              string
	keep               bool
	list               bool
	over               engine.Overrides
	given              []string // given are the flags that were set, as on the line
}

var opts options

// defineFlags puts the flags into fs. Names that go test owns (-list, -run, ...) are
// avoided.
func (o *options) defineFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.scenario, "scenario", "", "scenarios, a comma list with * globs; -scenarios prints them (default all)")
	fs.StringVar(&o.consumer, "consumer", "", "consumers, a comma list of name[@protocol][?knob=value&...] with * globs; * is all of them (default what each scenario names)")
	fs.StringVar(&o.broker, "broker", "embedded", "what serves as Kafka: embedded (kfake in this process), virtual (the same in virtual time, with -tags synctests) or docker (three real nodes)")
	fs.Var(positiveInt(&o.repeat), "repeat", "how often each consumer meets each scenario (default 1)")
	fs.Uint64Var(&o.seed, "seed", 1, "seed of the load and of random fault choices")
	fs.StringVar(&o.out, "out", "", "folder for report.html, result.json and bench.txt (default: none are written)")
	fs.StringVar(&o.image, "kafka-image", "", "image of -broker=docker (default $STAMPEDE_KAFKA_IMAGE, stampede/kafka:4.3.1 if it is there, apache/kafka:4.3.1)")
	fs.Var(pathFlag(&o.in, "a result.json"), "in", "a result.json to render again, to the terminal and into -out; nothing is run")
	fs.Var(pathFlag(&o.judge, "the folder of a saved ledger"), "judge", "a saved ledger to judge again, as out/ledger/...; nothing is run")
	fs.BoolVar(&o.keep, "keep", false, "keep the ledger of every run under -out, not only of those that did not come out as they should")
	fs.BoolVar(&o.list, "scenarios", false, "print consumers, their knobs, and scenarios; nothing is run")

	fs.Var(positiveFloat(&o.over.Rate), "rate", "records a second in every scenario")
	fs.Var(positiveDuration(&o.over.Duration), "load-duration", "how long every scenario sends")
	fs.Var(positiveInt(&o.over.Partitions), "partitions", "partitions of the topic")
	fs.Var(positiveInt(&o.over.Pods), "pods", "pods of the consumer")
	fs.Var(positiveInt(&o.over.Workers), "workers", "workers of a pod")
	fs.Var(positiveInt(&o.over.Window), "window", "records a pod may have taken and not finished")
	fs.StringVar(&o.over.Service, "service", "", "work on a record: 10ms, uniform:5ms-15ms or lognormal:10ms/100ms; cpu: in front burns it")
	fs.StringVar(&o.over.Keys, "keys", "", "keys: uniform:20000, zipf:1.1/10000 or hot:0.2/1/10000")
	fs.Var(positiveInt(&o.over.Payload), "payload", "length of a value in bytes")
	fs.Var(positiveDuration(&o.over.Commit), "commit", "interval between commits")
	fs.Var(positiveDuration(&o.over.Session), "session", "session timeout of the group")
}

// value is a flag that refuses what parse refuses.
type value struct {
	text  string
	parse func(string) error
}

func (v *value) String() string { return v.text }

func (v *value) Set(s string) error {
	v.text = s
	return v.parse(s)
}

// pathFlag is a flag that refuses to be there and empty: it would do nothing then, and
// that with success.
func pathFlag(to *string, what string) flag.Value {
	return &value{parse: func(s string) error {
		if *to = s; s == "" {
			return errors.New("want the path of " + what)
		}
		return nil
	}}
}

func positiveInt(to *int) flag.Value {
	return &value{parse: func(s string) (err error) {
		if *to, err = strconv.Atoi(s); err != nil || *to <= 0 {
			return errors.New("want a whole number above zero")
		}
		return nil
	}}
}

func positiveFloat(to *float64) flag.Value {
	return &value{parse: func(s string) (err error) {
		if *to, err = strconv.ParseFloat(s, 64); err != nil || !(*to > 0) || *to > maxRate {
			return fmt.Errorf("want a number above zero and at most %d, more than one producer sends", maxRate)
		}
		return nil
	}}
}

func positiveDuration(to *time.Duration) flag.Value {
	return &value{parse: func(s string) (err error) {
		if *to, err = time.ParseDuration(s); err != nil || *to <= 0 {
			return errors.New("want a duration above zero, as 10s or 500ms")
		}
		return nil
	}}
}

// isSmoke reports that no flag asks for anything, so that go test ./... stays
// short.
func (o *options) isSmoke() bool { return len(o.given) == 0 }

// matrix is what is to be run.
type matrix struct {
	scenarios   []harness.Scenario             // overrides and defaults in place
	consumers   []harness.Selection            // consumers of any scenario, each once
	consumersBy map[string][]harness.Selection // consumersBy has the consumers of each scenario, by its name
	backend     harness.Backend
	repeats     int
}

// countRuns is the number of runs.
func (m *matrix) countRuns() (n int) {
	for _, choices := range m.consumersBy {
		n += len(choices) * m.repeats
	}
	return n
}

// resolveMatrix resolves names and overrides, and refuses what cannot be run.
func (o *options) resolveMatrix() (*matrix, error) {
	m := &matrix{repeats: max(1, o.repeat), consumersBy: map[string][]harness.Selection{}}
	var err error
	if m.backend, err = harness.FindBackend(o.broker); err != nil {
		return nil, err
	}
	if o.image != "" {
		b, ok := m.backend.(interface{ SetImage(string) })
		if !ok {
			return nil, fmt.Errorf("-kafka-image is for -broker=docker, not %s", o.broker)
		}
		b.SetImage(o.image)
	}
	seen := map[string]bool{}
	for _, name := range strings.Split(defaultToAll(o.scenario), ",") {
		fit, err := harness.ScenariosLike(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		for _, s := range fit {
			if seen[s.Name] {
				continue
			}
			seen[s.Name] = true
			applied, err := o.over.Apply(*s)
			if err != nil {
				return nil, err
			}
			m.scenarios = append(m.scenarios, applied)
			if m.consumersBy[s.Name], err = parseConsumers(consumerList(s, o.consumer)); err != nil {
				return nil, err
			}
			for _, c := range m.consumersBy[s.Name] {
				if !slices.ContainsFunc(m.consumers, func(k harness.Selection) bool { return k.Name() == c.Name() }) {
					m.consumers = append(m.consumers, c)
				}
			}
		}
	}
	return m, nil
}

// consumerList is the line of consumers that meet a scenario: what was asked for, or
// what the scenario names and there is, or all.
func consumerList(s *harness.Scenario, asked string) string {
	if asked != "" {
		return asked
	}
	var there []string
	for _, name := range s.Consumers {
		if _, err := harness.FindImplementation(name[:strings.IndexAny(name+"@", "@?")]); err == nil {
			there = append(there, name)
		}
	}
	return defaultToAll(strings.Join(there, ","))
}

func defaultToAll(s string) string {
	if s == "" {
		return "*"
	}
	return s
}

func parseConsumers(line string) (all []harness.Selection, err error) {
	seen := map[string]bool{}
	for _, one := range strings.Split(line, ",") {
		fit, err := harness.ParseSelection(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		for _, c := range fit {
			if c.Implementation.Name == baselineName {
				return nil, fmt.Errorf("consumer %s is what BenchmarkPipeline compares with, and works on nothing", baselineName)
			}
			if !seen[c.Name()] {
				seen[c.Name()] = true
				all = append(all, c)
			}
		}
	}
	return all, nil
}
