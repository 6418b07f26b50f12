package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

// describeComparison returns the result of a comparison without its runs.
func describeComparison(o *options, m *matrix) *harness.Comparison {
	c := &harness.Comparison{
		Version: harness.ResultVersion, Started: time.Now().UTC().Truncate(time.Millisecond), Command: comparisonCommand(o),
		Seed: o.seed, Backend: o.broker, Planned: len(m.plannedRuns(runFlag())), Environment: describeMachine(), Settings: commonSettings(m),
	}
	for _, s := range m.scenarios {
		c.Scenarios = append(c.Scenarios, engine.InfoOn(s, m.backend))
	}
	for _, k := range m.consumers {
		c.Consumers = append(c.Consumers, engine.Describe(m.scenarios[0], k))
	}
	return c
}

// comparisonCommand is the command that repeats the comparison, without -out.
func comparisonCommand(o *options) string {
	return testCommand(o.broker, "^TestCompare$", withoutFlags(o.given, "-out"))
}

// withoutFlags leaves out these flags.
func withoutFlags(given []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(given), func(g string) bool {
		name, _, _ := strings.Cut(g, "=")
		return slices.Contains(names, name)
	})
}

// runCommand is the command that repeats one run of the comparison. It names the
// scenario, the consumer, and the number of the repeat. If the comparison wrote
// reports, the command writes its own to out/again.
func runCommand(o *options, s *harness.Scenario, c harness.Selection, repeat int) string {
	run := fmt.Sprintf("^TestCompare$/^%s$/^%s$/^%d$", regexp.QuoteMeta(s.Name), regexp.QuoteMeta(subtestName(c)), repeat)
	given := withoutFlags(o.given, "-out", "-suite", "-scenario", "-consumer", "-repeat")
	if len(withoutFlags(o.given, "-out")) < len(o.given) {
		given = append(given, "-out=out/again")
	}
	given = append(given, "-scenario="+s.Name, "-consumer="+c.Name())
	if repeat > 1 {
		given = append(given, fmt.Sprintf("-repeat=%d", repeat))
	}
	return testCommand(o.broker, run, given)
}

// testCommand is a go test command with our flags, quoted for a shell.
func testCommand(broker, run string, given []string) string {
	words := []string{"go", "test"}
	if broker == "virtual" {
		words = append(words, "-tags", "synctests")
	}
	words = append(words, "-count=1", "-timeout", "0", "-v", "-run", run)
	words = append(words, given...)
	for i, w := range words {
		words[i] = quoteWord(w)
	}
	return strings.Join(words, " ")
}

// commonSettings are the settings of all runs that no scenario has.
func commonSettings(m *matrix) []harness.Setting {
	settings := []harness.Setting{
		{Name: "producer", Value: "where a scenario has no other: idempotent, acks=all, no compression, murmur2 by key"},
		{Name: "heartbeat", Value: "a sixth of the session timeout"},
		{Name: "rebalance timeout", Value: "twice the session timeout"},
		{Name: "drain on revoke and stop", Value: "half the session timeout"},
		{Name: "max poll", Value: fmt.Sprint(m.scenarios[0].MaxPoll)},
		{Name: "repeats", Value: fmt.Sprint(m.repeats)},
	}
	if profile := m.scenarios[0].Load.Profile; profile != "" {
		settings = append(settings, harness.Setting{Name: "profile", Value: profile})
	}
	return settings
}

// describeMachine names the machine, the versions and the commit.
func describeMachine() []harness.Setting {
	env := []harness.Setting{
		{Name: "goos", Value: runtime.GOOS},
		{Name: "goarch", Value: runtime.GOARCH},
		{Name: "cpu", Value: procValue("/proc/cpuinfo", "model name")},
		{Name: "cpus", Value: fmt.Sprintf("%d, GOMAXPROCS %d", runtime.NumCPU(), runtime.GOMAXPROCS(0))},
		{Name: "memory", Value: procValue("/proc/meminfo", "MemTotal")},
		{Name: "kernel", Value: kernelVersion()},
		{Name: "go", Value: runtime.Version()},
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			switch filepath.Base(d.Path) {
			case "franz-go", "kfake", "kadm", "stampede":
				env = append(env, harness.Setting{Name: filepath.Base(d.Path), Value: d.Version})
			}
		}
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				env = append(env, harness.Setting{Name: "commit", Value: s.Value})
			case s.Key == "vcs.modified" && s.Value == "true":
				env = append(env, harness.Setting{Name: "changes", Value: "not committed"})
			}
		}
	}
	return env
}

// procValue is the value of the first line "name : value" in a file of /proc, or
// "unknown".
func procValue(path, name string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func kernelVersion() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}
