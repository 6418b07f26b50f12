package consumers

import (
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/sharegroup"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "share",
	Doc: "Members of a share group (KIP-932), in which the broker gives each record to one of them and counts how often: each takes a batch, answers for every record when " +
		"its work is done, and takes the next. A pod has several clients, since one waits for the slowest of its batch, and one more for each that waits long; the locks of " +
		"what takes long are renewed. Work that fails is tried again in place and never rejected: a record that is given back, or rejected, is one that the group may give up.",
	Use: "Jobs that stand alone: no order, more members than partitions, a slow record holds nobody up but its batch. Not where order is wanted, nor on brokers " +
		"before 4.2, which renew no lock. A poison record keeps one client of one pod busy for good: have them rejected where they may be lost.",
	Bound: "W / service time, whatever keys and partitions. The answers for a batch are a replicated write of the broker's, for which the client's next batch waits: on real Kafka " +
		"tens of ms of latency, where other designs have a few.",
	Crash: "Repeats what was in work and what was answered in the last commit interval, as soon as the broker finds the connection gone, or its locks expire. Each crash of who holds a " +
		"record may count as a delivery of it; the group gives up one whose limit is reached.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	Share:       true,
	Knobs: []harness.Knob{{
		Name: "clients", Default: "0", Doc: "clients of a pod, which share its workers; 0 is two for each partition that falls to it, from 4 to 16",
		Check: func(v string) error { _, err := parseClients(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		n, err := parseClients(cfg.Knobs["clients"])
		return sharegroup.Consumer{Clients: n}, err
	},
})

func parseClients(v string) (int, error) {
	return knob.Count(v, "a number of clients", 0, sharegroup.MaxClients)
}
