package engine

import (
	"errors"
	"slices"
)

// closers close what a run has opened, on every path.
type closers struct{ list []func() error }

// addCloser adds a function that closes what was opened last.
func (c *closers) addCloser(fn func() error) { c.list = append(c.list, fn) }

// closeAll calls the functions, the latest first.
func (c *closers) closeAll() error {
	var errs []error
	for _, fn := range slices.Backward(c.list) {
		errs = append(errs, fn())
	}
	c.list = nil
	return errors.Join(errs...)
}
