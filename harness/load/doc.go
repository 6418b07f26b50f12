// Package load makes the traffic of a run: when records are due (pacers), which
// key each has, how long the work on it takes, what is in it, and the open-loop
// producer that sends it.
//
// All of it but the producer is a pure function of its arguments: a schedule
// depends on the number of the record alone, keys on a seeded source of
// randomness, service times on a hash. So every consumer of a comparison meets
// the same records at the same times with the same amount of work.
package load
