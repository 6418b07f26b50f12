// Package knob parses the settings of designs. Its errors say which values are allowed.
package knob

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Count parses a whole number from least to most; a most of 0 means no upper limit. what
// names it in the error, as "a number of records".
func Count(v, what string, least, most int) (int, error) {
	n, err := strconv.Atoi(v)
	switch {
	case most > 0 && (err != nil || n < least || n > most):
		return 0, fmt.Errorf("%q is not %s from %d to %d", v, what, least, most)
	case err != nil || n < least:
		return 0, fmt.Errorf("%q is not %s from %d on", v, what, least)
	}
	return n, nil
}

// Duration parses a duration above zero.
func Duration(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration above zero, as 1s", v)
	}
	return d, nil
}

// maxDurations is the most durations in a list. Each needs a topic.
const maxDurations = 10

// Durations parses a list of up to 10 durations, as 100ms/1s/1m.
func Durations(v string) (list []time.Duration, err error) {
	for text := range strings.SplitSeq(v, "/") {
		d, err := Duration(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", v, err)
		}
		list = append(list, d)
	}
	if len(list) > maxDurations {
		return nil, fmt.Errorf("%q has %d durations, more than %d", v, len(list), maxDurations)
	}
	return list, nil
}
