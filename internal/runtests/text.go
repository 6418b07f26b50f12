package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

var logPrefix = regexp.MustCompile(`^\s*[\w.-]+\.go:\d+: `)

// skipReason is what a test said last before it was skipped.
func skipReason(output []string) string {
	reason := "no reason given"
	for _, line := range output {
		if at := logPrefix.FindString(line); at != "" {
			reason = line[len(at):]
		}
	}
	return reason
}

// withoutNotices leaves out the lines by which go test says what it does.
func withoutNotices(output []string) (kept []string) {
	for _, line := range output {
		if !strings.HasPrefix(line, "=== ") {
			kept = append(kept, line)
		}
	}
	return kept
}

// shortPackage is an import path without the module's.
func shortPackage(pkg string) string {
	const module = "github.com/stampede-bench/stampede"
	if pkg == module {
		return "."
	}
	return strings.TrimPrefix(pkg, module+"/")
}

// shortTime is 3.2s below a minute and 1m23s above.
func shortTime(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
