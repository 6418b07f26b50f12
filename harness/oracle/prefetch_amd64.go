package oracle

import "unsafe"

// prefetch asks the processor to have the cache line of a place at hand soon, and does not wait for it.
//
//go:noescape
func prefetch(place unsafe.Pointer)
