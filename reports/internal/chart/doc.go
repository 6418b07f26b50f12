// Package chart draws the few charts a comparison needs as inline SVG: lines
// over a scale, with shaded spans, and bars against a limit. It knows nothing
// of consumers or latencies. All colour comes from the page by class names, so
// that one drawing serves light, dark and print; equal input gives equal bytes.
//
// An element of a series carries the classes of its series (its colour and its
// dash), given by the caller. The drawing's own parts are "grid", "axis",
// "tick", "lab", "name", "value", "span", "mark", "ln" (a line), "end" (its last
// point), "room", "done" and "limit" (of a bar).
package chart
