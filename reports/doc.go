// Package reports renders a comparison. [RenderText] is for a terminal. [WriteAll]
// writes result.json, which [ReadJSON] reads again, bench.txt in Go's benchmark
// format, and report.html, one self-contained page.
//
// Each form is a function of the [harness.Comparison] alone, without a clock,
// randomness or the order of a map. A saved result therefore gives the same bytes
// on any machine and years later. Only how report.html packs charts and evidence
// depends on the version of Go.
//
// The package also decides, once for all forms, what an honest report shows.
// Latencies appear only for runs that passed: those of a consumer that is
// overloaded or dropped records are not comparable. Rates, backlogs and resources
// are medians over the repeats with a verdict, together with their range.
// Percentiles cannot be averaged, so they come from merged histograms.
//
// To add a column, add an entry to the columns in columns.go.
package reports

import (
	"io"

	"github.com/stampede-bench/stampede/harness"
)

// renderer writes a comparison in one form. After an error w has nothing or a part.
type renderer func(w io.Writer, c *harness.Comparison) error
