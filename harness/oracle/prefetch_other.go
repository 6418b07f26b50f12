//go:build !amd64

package oracle

import "unsafe"

// prefetch does nothing where it is not written down how.
func prefetch(unsafe.Pointer) {}
