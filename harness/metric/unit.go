package metric

import (
	"fmt"
	"math"
	"strconv"
)

// Unit is what the values of a metric are counted in.
type Unit string

// The units. A share is of 1 and is written in percent.
const (
	Seconds          Unit = "seconds"
	Share            Unit = "share"
	Bytes            Unit = "bytes"
	Records          Unit = "records"
	RecordsPerSecond Unit = "records/s"
)

// Format writes a measured value with three digits, as "812 ms", "0.42 %" or "63.1 MiB".
// An infinite time is "never".
func (u Unit) Format(v float64) string {
	switch u {
	case Seconds:
		return formatSeconds(v)
	case Share:
		return threeDigits(100*v) + " %"
	case Bytes:
		return formatBytes(v)
	case RecordsPerSecond:
		return threeDigits(v) + "/s"
	case Records:
	}
	return threeDigits(v)
}

func formatSeconds(s float64) string {
	switch {
	case math.IsInf(s, 1):
		return "never"
	case s == 0:
		return "0 s"
	case math.Abs(s) < 999.5e-6:
		return threeDigits(s*1e6) + " µs"
	case math.Abs(s) < 0.9995:
		return threeDigits(s*1e3) + " ms"
	}
	return threeDigits(s) + " s"
}

func formatBytes(b float64) string {
	names := []string{"B", "KiB", "MiB", "GiB"}
	i := 0
	for i+1 < len(names) && math.Abs(b) >= 1024 {
		b, i = b/1024, i+1
	}
	return fmt.Sprintf("%s %s", threeDigits(b), names[i])
}

// threeDigits writes at least three significant digits, and all digits before the point.
func threeDigits(v float64) string {
	switch size := math.Abs(v); {
	case v == math.Trunc(v) || size >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case size >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
