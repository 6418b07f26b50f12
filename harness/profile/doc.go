// Package profile measures the load of a topic in production, and replays its shape on the bench.
//
//	topic or dump --> Collector --> Profile (profile.json) --> Replay --> the load of a scenario
//
// A profile has the rate over time, the lengths of values, the skew of keys, and how uneven the
// partitions are. It says how keys rank and which share each rank has, and nothing else about them:
// neither the bytes of a key nor a hash of it, since short keys can be guessed from a hash.
//
// # Errors
//
// Each error is half of an interval of 95 %, for records whose keys, sizes and times do
// not depend on those of their neighbours. It is that of the load behind the records: the load of a topic read
// without gaps has errors too, since another minute would have had other records. Where keys or
// sizes come in bursts, true errors are larger.
//
// # What a replay does not keep
//
// Records are spaced evenly within a step of the rate. Which keys come together, which key has long
// values, headers, lengths of keys, and how well values compress are not in a profile.
package profile
