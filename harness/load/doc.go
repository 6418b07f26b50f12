// Package load makes the traffic of a run. A pacer says when records are due. Other
// types say which key a record has, how long its work takes, and how the work
// fails. An open-loop producer sends the records.
//
// All but the producer are pure functions of their arguments. A schedule depends on
// the number of the record, keys on a seeded source of randomness, service times on
// a hash. So every consumer of a comparison gets the same records at the same times
// with the same work.
package load
