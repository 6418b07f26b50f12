// Package soak has the tests of honest designs that take many runs in virtual time: each
// design under random faults, and what a single design promises in addition to the claims
// that checks judge. make soak-consumers makes more runs of them.
package soak
