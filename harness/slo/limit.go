package slo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness/metric"
)

// suffix is how a value ends, and what one of it is in the unit of its metric.
type suffix struct {
	text string
	one  float64
}

// suffixes are those of a unit, the largest last; those that end in another come before it.
var suffixes = map[metric.Unit][]suffix{
	metric.Share:            {{"%", 0.01}},
	metric.Bytes:            {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}},
	metric.RecordsPerSecond: {{"/s", 1}, {"", 1}},
	metric.Records:          {{"", 1}},
}

// unitSyntax says how values of a unit are written.
var unitSyntax = map[metric.Unit]string{
	metric.Seconds:          "a time, as 500ms, 5s, 1m30s or 2h",
	metric.Share:            "a share in percent, as 1%",
	metric.Bytes:            "a size, as 64MiB, 512KiB, 2GiB or 100B",
	metric.RecordsPerSecond: "a rate, as 900/s",
	metric.Records:          "a number of records, as 5000",
}

// parseLimit reads a limit in the unit of the metric.
func parseLimit(value string, m *metric.Metric) (float64, error) {
	limit, ok := readLimit(value, m.Unit)
	if !ok {
		return 0, fmt.Errorf("%s is compared with %s", m.Name, unitSyntax[m.Unit])
	}
	if limit < 0 && !m.Signed {
		return 0, fmt.Errorf("%s is never below 0", m.Name)
	}
	return limit, nil
}

func readLimit(value string, u metric.Unit) (limit float64, ok bool) {
	if u == metric.Seconds {
		d, err := time.ParseDuration(strings.ReplaceAll(value, " ", ""))
		return d.Seconds(), err == nil
	}
	for _, s := range suffixes[u] {
		digits, ends := strings.CutSuffix(value, s.text)
		if !ends {
			continue
		}
		digits = strings.TrimSpace(digits)
		v, err := strconv.ParseFloat(digits, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || strings.Trim(digits, "+-.0123456789") != "" {
			return 0, false
		}
		if s.one < 1 {
			return v / 100, true // 7 % as 0.07 and not as 7 x 0.01
		}
		return v * s.one, true
	}
	return 0, false
}

// formatLimit writes a limit so that parseLimit reads the same.
func formatLimit(v float64, u metric.Unit) string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	switch u {
	case metric.Seconds:
		return formatTime(time.Duration(math.Round(v * float64(time.Second))))
	case metric.Share:
		return strconv.FormatFloat(math.Round(v*1e12)/1e10, 'f', -1, 64) + "%"
	case metric.Bytes:
		for _, s := range []suffix{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
			if v != 0 && math.Mod(v, s.one) == 0 {
				return number(v/s.one) + s.text
			}
		}
		return number(v) + "B"
	case metric.RecordsPerSecond:
		return number(v) + "/s"
	case metric.Records:
	}
	return number(v)
}

// formatTime is a duration without parts that are 0: 1m and not 1m0s.
func formatTime(d time.Duration) string {
	text := d.String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}
