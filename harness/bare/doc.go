// Package bare runs the load of a scenario through plain clients of franz-go: a producer, and a
// group of consumers that do nothing with a record. No shim, no journal, no observer and no judge
// run next to them. So a comparison shows what a design costs in addition to its clients, on the same
// back end and in the same minutes.
//
// Rate, schedule, keys, payload, partitions, replicas and the settings of the producer are those
// of the scenario, and so is the number of consumers. A consumer reaches the brokers as a pod
// does. It fetches with the settings of the pods, and lets its client commit. All clients are in this
// process, so that one clock measures.
package bare
