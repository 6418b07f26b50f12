package oracle

import "github.com/stampede-bench/stampede/harness/ledger"

// batch is some events of the replay, sorted by what checks need. Most events concern few checks, and to pass
// over all in each check would cost more than the checks themselves. Each list is in time order and valid until
// the next batch. The package comment says where a batch ends.
type batch struct {
	Work   []*ledger.Event // Work has no sends, and no acknowledged sends that the final read confirms: entry.sends asks for these.
	Firsts []*ledger.Event // Firsts are the first effects of records in Work.
	Rare   []*ledger.Event // Rare is Work but attempts on records that lie where they say, with unaltered values.
}

// batchSize is how many events a batch has at most. So few stay in the processor's nearest cache while one
// check after the other passes over them.
const batchSize = 128

func newBatch() batch {
	return batch{make([]*ledger.Event, 0, batchSize), make([]*ledger.Event, 0, batchSize), make([]*ledger.Event, 0, batchSize)}
}
