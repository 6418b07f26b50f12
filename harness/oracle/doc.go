// Package oracle judges a run: one replay of its ledger, many checks, a verdict
// each.
//
// It is pure. What it knows is in [Facts], what it sees is the stream of
// [ledger.Event]; it has no clock, no network and no file of its own. A check is
// one file: a type with Observe and Verdict, and an entry in the table of
// [Checks] that says which guarantee it is held to and which assumptions it
// leans on.
package oracle
