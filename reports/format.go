package reports

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// missing stands where there is no value.
const missing = "-"

// seconds is a duration as a number. [harness.Never] is infinite, so it sorts last.
func seconds(d time.Duration) float64 {
	if d < 0 {
		return math.Inf(1)
	}
	return d.Seconds()
}

// formatDuration writes measured seconds with three digits, in the unit that fits.
func formatDuration(s float64) string { return inUnits(s, three) }

// formatSpan writes chosen seconds: 8 s and not 8.00 s.
func formatSpan(s float64) string { return inUnits(s, trimmed) }

// formatLinger writes the linger of the producer of a scenario, "" where the result does not say it.
func formatLinger(s *harness.ScenarioInfo) string {
	switch {
	case s.Linger > 0:
		return "linger " + formatSpan(s.Linger.Seconds())
	case s.Linger == harness.NoLinger:
		return "no linger"
	}
	return ""
}

func inUnits(s float64, digits func(float64) string) string {
	switch {
	case math.IsInf(s, 1):
		return "never"
	case s == 0:
		return "0 s"
	case s < 999.5e-6:
		return digits(s*1e6) + " µs"
	case s < 999.5e-3:
		return digits(s*1e3) + " ms"
	case s < 119.95:
		return digits(s) + " s"
	}
	m := int64(math.Round(s))
	if m < 7200 {
		return fmt.Sprintf("%d min %d s", m/60, m%60)
	}
	return fmt.Sprintf("%d h %d min", m/3600, m%3600/60)
}

// joinParts writes the parts that are not empty with commas between them.
func joinParts(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// three writes a number with three significant digits, or all digits before the point.
func three(v float64) string {
	digits := 2
	switch {
	case v >= 99.95:
		digits = 0
	case v >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// trimmed is three without trailing zeros.
func trimmed(v float64) string {
	s := three(v)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// formatCount writes a whole number with commas between the thousands.
func formatCount(v float64) string {
	s := strconv.FormatInt(int64(math.Round(math.Abs(v))), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v <= -0.5 {
		s = "-" + s
	}
	return s
}

// formatRate writes a number per second.
func formatRate(v float64) string {
	if v >= 99.95 {
		return formatCount(v)
	}
	return three(v)
}

// formatNines writes a percentage with all its nines.
func formatNines(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) + " %" }

// formatShort writes a number for a tick: 20k, 1.5M.
func formatShort(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.size {
			return strconv.FormatFloat(v/u.size, 'g', 4, 64) + u.name
		}
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// formatSeconds writes seconds for a column that has the unit in its head.
func formatSeconds(s float64) string {
	switch {
	case math.IsInf(s, 1):
		return "never"
	case s >= 99.95:
		return formatCount(s)
	}
	return three(s)
}

// formatMillis writes seconds as milliseconds, for a column with that unit.
func formatMillis(s float64) string { return formatSeconds(s * 1e3) }

// formatMiB writes bytes for a column with that unit.
func formatMiB(bytes float64) string { return formatCount(bytes / (1 << 20)) }

// formatShare writes a share of 1 for a column in percent.
func formatShare(v float64) string { return three(v * 100) }

// formatPercent writes a measured share of 1.
func formatPercent(v float64) string { return three(v*100) + " %" }

// formatScientific writes a small share of 1.
func formatScientific(v float64) string { return strconv.FormatFloat(v, 'e', 1, 64) }

// plural is "1 run", "2 runs".
func plural(n int, one string) string {
	s := formatCount(float64(n)) + " " + one
	if n != 1 {
		s += "s"
	}
	return s
}

// knobList writes settings as name=value, sorted by name.
func knobList(m map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return out
}

// joinWords joins words as in a sentence.
func joinWords(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}
