package consumers

import (
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/sharegroup"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "share",
	Doc: "Members of a share group (KIP-932). The broker delivers each record to one member and counts " +
		"deliveries. A member acquires a batch, acknowledges each record when its work is done, and acquires the " +
		"next batch. Locks of slow records are renewed. A pod has several clients, since each waits for the " +
		"slowest record of its batch, and starts more when clients wait long. Failed work is tried again in " +
		"place: the group may give up a record that is released or rejected.",
	Use: "Independent jobs: no order, more members than partitions, and a slow record holds up only its batch. Not where order " +
		"is wanted, nor on brokers before 4.2, which renew no lock. A poison record occupies one client of one pod for ever; " +
		"reject it where it may be lost.",
	Bound: "W / service time, whatever the keys and partitions. The acknowledgements of a batch are a replicated write of the " +
		"broker, and the next batch waits for it: tens of ms of latency on real Kafka, where other designs have a few.",
	Crash: "Repeats the records in work and those acknowledged in the last commit interval, once the broker finds the connection " +
		"closed or the locks expire. Each crash may count as a delivery of the records in work. The group gives up a record at " +
		"its delivery limit.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	Share:       true,
	Knobs: []harness.Knob{{
		Name: "clients", Default: "0", Doc: "clients of a pod, which share its workers; 0 is two for each of its partitions, from 4 to 16",
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
