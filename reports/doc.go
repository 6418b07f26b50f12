// Package reports renders a comparison: to a terminal as [Text], to a file
// that can be read again as [JSON], to Go's benchmark format as [Bench] and to
// one self-contained page as [HTML].
//
// All of them are functions of the [harness.Comparison] alone. There is no
// clock, no randomness and no order of a map in them, so that rendering a saved
// result again gives the same bytes, on any machine and years later.
//
// What is honest is decided here too, in one place for all forms. Latencies
// appear only for runs that passed: a consumer past saturation, or one that
// dropped records, has none worth comparing. Rates, backlogs and resources are
// the median over the repeats that gave a verdict, with their range;
// percentiles come from the repeats' merged histograms, as percentiles cannot
// be averaged.
package reports

import (
	"io"

	"github.com/stampede-bench/stampede/harness"
)

// Renderer writes a comparison in one form. On an error w has nothing or a part.
type Renderer func(w io.Writer, c *harness.Comparison) error
