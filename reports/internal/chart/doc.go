// Package chart draws the few charts a comparison needs as inline SVG: lines
// with shaded spans, bars with limits, and time lines. It knows nothing about
// consumers or latencies. All colour comes from the page by class names, so one
// drawing serves light, dark and print. Equal input gives equal bytes.
//
// An element of a series carries the classes of its series (its colour and its
// dash), which the caller gives. The parts of a drawing have classes too:
//   - of all drawings "grid", "axis", "tick", "lab", "name" and "value";
//   - of lines "span", "mark", "ln" (a line) and "end" (its last point);
//   - of bars "room", "done" and "limit";
//   - of tracks "entry", "bad" and "gap".
package chart
