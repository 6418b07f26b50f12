package knob

import (
	"fmt"
	"strconv"
)

// Count reads a knob that is a whole number from least to most; a most of 0 is no bound.
// what names it in the error, as "a number of records".
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
