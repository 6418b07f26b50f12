package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

// describe is the comparison before its first run.
func describe(o *options, m *matrix) *harness.Comparison {
	c := &harness.Comparison{
		Version: harness.ResultVersion, Started: time.Now().UTC().Truncate(time.Millisecond), Command: command(o),
		Seed: o.seed, Backend: o.broker, Planned: m.runs(), Environment: environment(), Settings: settings(m),
	}
	for _, s := range m.scenarios {
		c.Scenarios = append(c.Scenarios, engine.Info(s))
	}
	for _, k := range m.consumers {
		c.Consumers = append(c.Consumers, engine.Describe(m.scenarios[0], k))
	}
	return c
}

// command repeats the comparison; where its report went is not part of it.
func command(o *options) string {
	words := []string{"go test -count=1 -timeout 0 -v -run '^TestCompare$'"}
	if o.broker == "virtual" {
		words[0] = strings.Replace(words[0], "go test", "go test -tags synctests", 1)
	}
	for _, g := range o.given {
		if strings.HasPrefix(g, "-out=") {
			continue
		}
		if strings.ContainsAny(g, "*?&,;|<>() ") {
			g = "'" + g + "'"
		}
		words = append(words, g)
	}
	return strings.Join(words, " ")
}

// settings are what is equal for all runs and not in a scenario.
func settings(m *matrix) []harness.Setting {
	return []harness.Setting{
		{Name: "producer", Value: fmt.Sprintf("idempotent, acks=all, linger %v, no compression, murmur2 by key", engine.Linger(m.backend))},
		{Name: "heartbeat", Value: "a sixth of the session timeout"},
		{Name: "rebalance timeout", Value: "twice the session timeout"},
		{Name: "drain on revoke and stop", Value: "half the session timeout"},
		{Name: "max poll", Value: fmt.Sprint(m.scenarios[0].MaxPoll)},
		{Name: "repeats", Value: fmt.Sprint(m.repeats)},
	}
}

// environment is the machine and the versions.
func environment() []harness.Setting {
	env := []harness.Setting{
		{Name: "goos", Value: runtime.GOOS},
		{Name: "goarch", Value: runtime.GOARCH},
		{Name: "cpu", Value: firstOf("/proc/cpuinfo", "model name")},
		{Name: "cpus", Value: fmt.Sprintf("%d, GOMAXPROCS %d", runtime.NumCPU(), runtime.GOMAXPROCS(0))},
		{Name: "memory", Value: firstOf("/proc/meminfo", "MemTotal")},
		{Name: "kernel", Value: kernel()},
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
			if s.Key == "vcs.revision" {
				env = append(env, harness.Setting{Name: "commit", Value: s.Value})
			}
		}
	}
	return env
}

// firstOf is the value of the first line "name : value" of a file of /proc,
// "unknown" elsewhere.
func firstOf(path, name string) string {
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

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}
