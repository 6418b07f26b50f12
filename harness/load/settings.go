package load

import (
	"cmp"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ClientOptions are the partitioner of a load and the settings of its producer, as options of a client.
func ClientOptions(l *harness.Load, s harness.ProducerSettings) []kgo.Opt {
	return append(settingOptions(s), kgo.RecordPartitioner(partitionerOf(l)))
}

// settingOptions are the settings of a producer as options of its client.
func settingOptions(s harness.ProducerSettings) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.RequiredAcks(requiredAcks(s.Acks)),
		kgo.ProducerBatchCompression(codecOf(s.Compression)),
		kgo.ProducerLinger(max(0, cmp.Or(s.Linger, harness.DefaultLinger))),
	}
	if s.NotIdempotent {
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(cmp.Or(s.InFlight, 1)))
	}
	if s.Retries != 0 {
		opts = append(opts, kgo.RecordRetries(max(0, s.Retries)))
	}
	if s.Batch > 0 {
		opts = append(opts, kgo.ProducerBatchMaxBytes(int32(s.Batch)))
	}
	return opts
}

func requiredAcks(a harness.Acks) kgo.Acks {
	switch a {
	case harness.AcksLeader:
		return kgo.LeaderAck()
	case harness.AcksNone:
		return kgo.NoAck()
	}
	return kgo.AllISRAcks()
}

func codecOf(c harness.Compression) kgo.CompressionCodec {
	switch c {
	case harness.CompressionGzip:
		return kgo.GzipCompression()
	case harness.CompressionSnappy:
		return kgo.SnappyCompression()
	case harness.CompressionLZ4:
		return kgo.Lz4Compression()
	case harness.CompressionZstd:
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}
