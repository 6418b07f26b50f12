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
	"github.com/stampede-bench/stampede/harness/profile"
	"github.com/stampede-bench/stampede/harness/slo"
)

// options are our flags of the test binary.
type options struct {
	scenario, consumer string
	suite              harness.Suite
	broker             string
	repeat             int
	seed               uint64
	out                string
	image              string
	direct             bool
	in                 string
	judge              string
	ledgers            bool
	keep               bool
	baseline           string
	list               bool
	profile            profileOptions
	over               engine.Overrides
	capacity           capacityFlags
	given              []string // given are the flags that were set, as "-name=value"
}

var opts options

// defineFlags adds the flags to fs. No name is one of go test's own, as -list or -run.
func (o *options) defineFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.scenario, "scenario", "", "scenarios, a comma list with * globs; -scenarios lists them (default all of the suite)")
	fs.Var(suiteFlag(&o.suite), "suite", "scenarios that a glob selects from: smoke (the default, minutes), faults (all in which something goes wrong) or full (all)")
	fs.StringVar(&o.consumer, "consumer", "", "consumers, a comma list of name[@protocol][?knob=value&...] with * globs; * is all (default those that each scenario names)")
	fs.StringVar(&o.broker, "broker", "embedded", "embedded (kfake in this process), virtual (kfake in virtual time, needs -tags synctests) or docker (three real Kafka nodes)")
	fs.Var(positiveInt(&o.repeat), "repeat", "number of runs of each consumer in each scenario (default 1)")
	fs.Uint64Var(&o.seed, "seed", 1, "seed of the load and of the selections of faults")
	fs.StringVar(&o.out, "out", "", "folder for report.html, result.json and bench.txt (default: write none)")
	fs.StringVar(&o.image, "kafka-image", "", "image of -broker=docker (default $STAMPEDE_KAFKA_IMAGE, else stampede/kafka:4.3.1 if it exists, else apache/kafka:4.3.1)")
	fs.BoolVar(&o.direct, "direct", false, "let the pods of -broker=docker use the published ports: for speed alone, since checks and faults that need the wire are missing")
	fs.Var(pathFlag(&o.in, "a result.json"), "in", "render this result.json again, to the terminal and into -out; runs nothing")
	fs.Var(pathFlag(&o.judge, "the folder of a saved ledger"), "judge", "judge this saved ledger again, as out/ledger/...; runs nothing")
	fs.BoolVar(&o.ledgers, "ledgers", false, "list the saved ledgers under -out; runs nothing")
	fs.BoolVar(&o.keep, "keep", false, "keep the ledger of every run under -out, not only of runs with an unexpected status")
	fs.StringVar(&o.baseline, "baseline", "", "bare: run clients without work, shim and judge before and after the designs of each paced scenario in which nothing goes wrong, and compare with them")
	fs.BoolVar(&o.list, "scenarios", false, "list consumers, their knobs, and scenarios; runs nothing")

	o.capacity.defineFlags(fs)

	o.profile.defineFlags(fs)

	fs.Var(replayFlag(&o.over.Profile), "profile", "load of every scenario from this profile of a topic, and a factor of its rate, as profile.json@x2; other flags override it")
	fs.Var(positiveFloat(&o.over.Rate), "rate", "records per second in every scenario; of a burst or a profile, the highest rate")
	fs.Var(positiveDuration(&o.over.Duration), "load-duration", "duration of the load in every scenario")
	fs.Var(positiveInt(&o.over.Partitions), "partitions", "number of partitions of the topic")
	fs.Var(positiveInt(&o.over.Pods), "pods", "number of pods, at most 1000")
	fs.Var(positiveInt(&o.over.Workers), "workers", "number of workers of a pod, at most 100000")
	fs.Var(positiveInt(&o.over.Window), "window", "records that a pod may have in flight, at most 10000000")
	fs.StringVar(&o.over.Service, "service", "", "time of the work on a record: 10ms, uniform:5ms-15ms or lognormal:10ms/100ms (mean/p99); the prefix cpu: burns CPU instead of sleeping")
	fs.StringVar(&o.over.Keys, "keys", "", "keys: uniform:20000, zipf:1.1/10000 (exponent/keys), hot:0.2/1/10000 (fraction/hot keys/others) or none, which judges order by partition alone")
	fs.Var(positiveInt(&o.over.Payload), "payload", "length of a record's value in bytes")
	fs.Var(positiveDuration(&o.over.Commit), "commit", "interval between commits")
	fs.Var(positiveDuration(&o.over.Session), "session", "session timeout of the group")

	fs.Var(objectivesFlag(&o.over.Objectives), "slo", "objectives of every run, in addition to those of its scenario: 'p99<500ms, p99@steady<1s, trend<1%, age<5s, drain<60s, recovery(kill broker)<30s'; harness/JUDGING.md has the names")
	fs.StringVar(&o.over.Producer.Acks, "acks", "", "acks of the producer: all, 1 (the leader) or 0; other than all turns idempotence off")
	fs.StringVar(&o.over.Producer.Idempotence, "idempotence", "", "idempotence of the producer: true or false")
	fs.Var(lingerFlag(&o.over.Producer.Linger), "linger", "how long the producer waits for more records of a batch, as 25ms; 0 does not wait (default 25ms on docker, 50ms there from 5,000/s on, 10ms in virtual time, else 1ms)")
	fs.Var(positiveInt(&o.over.Producer.Batch), "batch", "most bytes of a batch of the producer, 1024 to 1000012")
	fs.StringVar(&o.over.Producer.Compression, "compression", "", "codec of the producer: none, gzip, snappy, lz4 or zstd")
}

// value is a flag with its own parser.
type value struct {
	text  string
	parse func(string) error
}

func (v *value) String() string { return v.text }

func (v *value) Set(s string) error {
	v.text = s
	return v.parse(s)
}

// pathFlag is a flag that refuses an empty path, which would silently do nothing.
func pathFlag(to *string, what string) flag.Value {
	return &value{parse: func(s string) error {
		if *to = s; s == "" {
			return errors.New("want the path of " + what)
		}
		return nil
	}}
}

func replayFlag(to **profile.Replay) flag.Value {
	return &value{parse: func(s string) (err error) {
		*to, err = profile.ParseReplay(s)
		return err
	}}
}

func suiteFlag(to *harness.Suite) flag.Value {
	return &value{parse: func(s string) (err error) {
		*to, err = harness.ParseSuite(s)
		return err
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
			return fmt.Errorf("want a number above zero and at most %d, the limit of one producer", maxRate)
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

func objectivesFlag(to *string) flag.Value {
	return &value{parse: func(s string) error {
		all, err := slo.Parse(s)
		if *to = all.String(); err == nil && s != "" && *to == "" {
			return errors.New("want objectives, as p99<500ms")
		}
		return err
	}}
}

// lingerFlag is a duration that may be 0.
func lingerFlag(to *time.Duration) flag.Value {
	return &value{parse: func(s string) (err error) {
		if *to, err = time.ParseDuration(s); err != nil || *to < 0 {
			return errors.New("want a duration, as 25ms or 0")
		}
		if *to == 0 {
			*to = harness.NoLinger
		}
		return nil
	}}
}

// isSmoke reports that no flag of ours is set, so that go test ./... stays short.
func (o *options) isSmoke() bool { return len(o.given) == 0 }

// matrix has the runs of a comparison.
type matrix struct {
	scenarios   []harness.Scenario             // with overrides and defaults
	consumers   []harness.Selection            // of all scenarios, each once
	consumersBy map[string][]harness.Selection // consumersBy has the consumers of each scenario, by its name
	backend     harness.Backend
	repeats     int
}

// countRuns returns the number of runs.
func (m *matrix) countRuns() (n int) {
	for _, selections := range m.consumersBy {
		n += len(selections) * m.repeats
	}
	return n
}

// resolveMatrix finds what the flags name and applies the overrides.
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
	if o.direct {
		b, ok := m.backend.(interface{ SetDirect() })
		if !ok {
			return nil, fmt.Errorf("-direct is for -broker=docker, not %s", o.broker)
		}
		b.SetDirect()
	}
	seen := map[string]bool{}
	for _, name := range strings.Split(defaultToAll(o.scenario), ",") {
		fit, err := harness.ScenariosLike(strings.TrimSpace(name), o.suite)
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
				if err := engine.CheckDeclarations(&applied, c); err != nil {
					return nil, err
				}
				if !slices.ContainsFunc(m.consumers, func(k harness.Selection) bool { return k.Name() == c.Name() }) {
					m.consumers = append(m.consumers, c)
				}
			}
		}
	}
	return m, checkNamedFaults(o.over.Objectives, m.scenarios)
}

// consumerList is the list of consumers for a scenario: those of the flag, else those
// that the scenario names and that are registered, else all.
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
				return nil, fmt.Errorf("consumer %s does no work: only BenchmarkPipeline compares with it", baselineName)
			}
			if !seen[c.Name()] {
				seen[c.Name()] = true
				all = append(all, c)
			}
		}
	}
	return all, nil
}
