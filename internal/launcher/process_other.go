//go:build !linux && !darwin

package launcher

import "errors"

// readProcess fails: no launcher is known on this system.
func readProcess(int) (name string, parent int, err error) {
	return "", 0, errors.ErrUnsupported
}
