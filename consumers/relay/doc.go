// Package relay copies records to side topics and back. [Copier] appends single copies. With
// [Forwarder] and [OverflowConsumer] only the owner of a partition can copy its records.
package relay
