package group

import (
	"fmt"
	"testing"
)

// BenchmarkWatermark is the cost of a record in the watermark: taken, and
// finished in the order of a pool, a little out of the order of the log.
func BenchmarkWatermark(b *testing.B) {
	for _, spread := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("spread=%d", spread), func(b *testing.B) {
			b.ReportAllocs()
			var w Watermark
			for i := 0; b.Loop(); i++ {
				w.Track(int64(i), 0)
				if i%spread == spread-1 {
					for back := range spread {
						w.Complete(uint64(i - back))
					}
				}
			}
		})
	}
}

// BenchmarkOffsetMap is the cost of the text that keyed-map adds to a commit, for a
// window of 500 and of 20,000 with every other record finished, and of reading it.
func BenchmarkOffsetMap(b *testing.B) {
	for _, window := range []int64{500, 20_000} {
		runs := spread(11, 2, int(window/2))
		text := encodeOffsets(aLog, 10, runs, maxMetadata)
		b.Run(fmt.Sprintf("encode/window=%d", window), func(b *testing.B) {
			for b.Loop() {
				encodeOffsets(aLog, 10, runs, maxMetadata)
			}
			b.ReportMetric(float64(len(text)), "chars")
		})
		b.Run(fmt.Sprintf("decode/window=%d", window), func(b *testing.B) {
			for b.Loop() {
				decodeOffsets(text, aLog.topic, aLog.partition, 10, 1<<40)
			}
		})
	}
}
